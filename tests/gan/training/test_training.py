"""Training is recorded, repeatable and resumable; sampling gives the same bytes."""

import json
import shutil

import pytest
import torch
from django.core.management import CommandError, call_command

from gan.datasets.sources import Source, split_by_lesion
from gan.imaging.phantoms import DIAGNOSES, draw_phantom
from gan.models import GeneratedImage, LesionImage, TrainingRun
from gan.runs.snapshots import read_snapshot
from gan.training.batches import batch_indices

TINY = {"size": 64, "batch_size": 4, "phantoms": True, "precision": "float32", "diagnosis": ["melanoma"]}


def weights(run):
    return read_snapshot(run.diagnosis_folder("melanoma") / "snapshot.safetensors")[0]


def test_a_run_keeps_all_that_repeats_it(run):
    assert run.status == "finished"
    assert run.uses_phantoms
    assert run.data_count == run.training_images.count() == 24
    assert run.steps.count() == 4
    for diagnosis in DIAGNOSES:
        lines = [
            json.loads(line) for line in (run.diagnosis_folder(diagnosis) / "losses.jsonl").read_text().splitlines()
        ]
        rows = run.steps.filter(diagnosis=diagnosis).values_list("step", "generator_loss", "discriminator_loss")
        assert [(line["step"], line["generator_loss"], line["discriminator_loss"]) for line in lines] == list(rows)
        assert list(run.grids_folder(diagnosis).glob("*.png"))
    trained = run.training_images.values_list("lesion_id", flat=True)
    held_out = LesionImage.objects.not_trained_on_by([run])
    assert held_out.count() == 24
    assert not set(trained) & set(held_out.values_list("lesion_id", flat=True))


def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(phantoms):
    call_command("train_gan", steps=4, name="whole", **TINY)
    call_command("train_gan", steps=2, name="part", snapshot_every=2, **TINY)
    part = TrainingRun.objects.get(name="part")
    part.settings["steps"] = 4
    part.save()
    call_command("train_gan", resume="part")
    whole = weights(TrainingRun.objects.get(name="whole"))
    resumed = weights(part)
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert part.steps.count() == 4


def test_the_same_seed_draws_the_same_bytes_however_many_are_drawn(run, tmp_path):
    for folder, count in (("a", 3), ("b", 3), ("c", 19)):
        call_command("sample_gan", str(run.pk), count=count, seed=5, diagnosis=["mel"], output=tmp_path / folder)
    first = {path.name: path.read_bytes() for path in (tmp_path / "a").glob("*.png")}
    assert len(first) == 3
    for folder in ("b", "c"):
        assert all((tmp_path / folder / name).read_bytes() == content for name, content in first.items())
    call_command("sample_gan", str(run.pk), count=3, seed=6, diagnosis=["mel"], output=tmp_path / "d")
    assert not first.keys() & {path.name for path in (tmp_path / "d").glob("*.png")}
    assert GeneratedImage.objects.filter(generator=run, diagnosis="melanoma").count() == 8 + 19 + 3


def test_phantoms_repeat_by_seed_and_differ_between_seeds():
    assert (draw_phantom("melanoma", 1) == draw_phantom("melanoma", 1)).all()
    assert (draw_phantom("melanoma", 1) != draw_phantom("melanoma", 2)).any()


def test_batches_pass_through_every_image_once_an_epoch():
    batches = torch.cat([batch_indices(7, 3, step, 0) for step in range(7)])
    for epoch in batches.reshape(3, 7):
        assert sorted(epoch.tolist()) == list(range(7))


def test_images_of_one_lesion_stay_on_one_side():
    sources = [Source(str(i), f"lesion {i // 3}", "", bytes) for i in range(60)]
    training, held_out = split_by_lesion(sources, 0.2, seed=1)
    assert len(training) + len(held_out) == 60
    assert len(held_out) == 12
    assert not {source.lesion for source in training} & {source.lesion for source in held_out}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"diagnosis": ["nothing"], "phantoms": True}, "no phantoms of 'nothing'"),
        ({"diagnosis": ["melanoma"]}, "no lesion images of 'melanoma'"),
        ({"diagnosis": ["melanoma"], "phantoms": True, "batch_size": 1}, "batch size"),
        ({"diagnosis": ["melanoma"], "phantoms": True, "cooldown": 1.5}, "cooldown"),
        ({"diagnosis": []}, "name at least one --diagnosis"),
        ({"resume": "77"}, "no training run '77'"),
    ],
)
def test_bad_settings_end_with_one_clear_line_and_no_run(phantoms, options, message):
    with pytest.raises(CommandError, match=message):
        call_command("train_gan", **options)
    assert not TrainingRun.objects.exists()


def test_without_a_model_the_command_says_which_it_trains_and_what_a_study_needs(phantoms, capsys):
    call_command("train_gan", steps=1, name="plain", **TINY)
    told = capsys.readouterr().err
    assert "this trains dcgan, to repeat the seed paper" in told
    assert "use --model projected" in told
    call_command("train_gan", steps=1, name="asked", model="dcgan", **TINY)
    assert "--model" not in capsys.readouterr().err
    assert {run.model for run in TrainingRun.objects.all()} == {"dcgan"}


def test_a_failed_run_says_why_and_can_be_resumed(phantoms, monkeypatch):
    from gan.training.dcgan import DCGANTrainer

    def no_memory(self, done):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(DCGANTrainer, "train_step", no_memory)
        with pytest.raises(CommandError, match="out of memory"):
            call_command("train_gan", steps=2, name="failing", **TINY)
    run = TrainingRun.objects.get(name="failing")
    assert run.status == "failed"
    call_command("train_gan", resume="failing")
    run.refresh_from_db()
    assert run.status == "finished"


def test_a_run_has_work_left_until_its_last_networks_have_none(phantoms):
    call_command("train_gan", steps=2, name="two", **TINY | {"diagnosis": ["melanoma", "basal cell carcinoma"]})
    run = TrainingRun.objects.get(name="two")
    with pytest.raises(CommandError, match="nothing would be trained with it"):
        call_command("train_gan", resume="two", cooldown=0.5)
    # As if the run had stopped before it came to its second networks.
    shutil.rmtree(run.diagnosis_folder("basal cell carcinoma"))
    run.steps.filter(diagnosis="basal cell carcinoma").delete()
    call_command("train_gan", resume="two", cooldown=0.5)
    run.refresh_from_db()
    assert run.settings["cooldown"] == 0.5


def lose_everything(run):
    shutil.rmtree(run.folder)


def lose_the_snapshot(run):
    (run.diagnosis_folder("melanoma") / "snapshot.safetensors").unlink()


@pytest.mark.parametrize(
    ("lose", "status"), [(lose_everything, "finished"), (lose_everything, "failed"), (lose_the_snapshot, "finished")]
)
def test_a_run_whose_snapshot_is_lost_is_not_trained_anew_over_its_figures(run, lose, status):
    TrainingRun.objects.filter(pk=run.pk).update(status=status)
    losses = list(run.steps.values_list("pk", "generator_loss"))
    lose(run)
    with pytest.raises(CommandError) as refused:
        call_command("train_gan", resume="tiny", steps=4)
    assert f"run {run.pk} (tiny) is trained up to step 2, but {run.diagnosis_folder('melanoma')}" in str(refused.value)
    assert "--with-runs" in str(refused.value)
    run.refresh_from_db()
    assert (run.status, run.settings["steps"]) == (status, 2)
    assert list(run.steps.values_list("pk", "generator_loss")) == losses


def test_a_run_that_was_killed_before_its_first_snapshot_begins_again(phantoms):
    call_command("train_gan", steps=2, name="killed", **TINY)
    run = TrainingRun.objects.get(name="killed")
    lose_the_snapshot(run)
    TrainingRun.objects.filter(pk=run.pk).update(status="running")
    before = list(run.steps.values_list("pk", flat=True))
    call_command("train_gan", resume="killed")
    run.refresh_from_db()
    assert run.status == "finished"
    assert (run.diagnosis_folder("melanoma") / "snapshot.safetensors").exists()
    assert not set(before) & set(run.steps.values_list("pk", flat=True))
    assert run.last_step() == 2


def test_plain_folders_train_without_an_import(db, tmp_path, phantom_export):
    (tmp_path / "BCC").mkdir()
    for path in sorted(phantom_export.glob("images/*_b*.png")):
        (tmp_path / "BCC" / path.name).write_bytes(path.read_bytes())
    call_command("train_gan", data=tmp_path, size=64, steps=1, batch_size=4, name="folder")
    run = TrainingRun.objects.get(name="folder")
    assert run.diagnoses == ["basal cell carcinoma"]
    assert not LesionImage.objects.exists()
