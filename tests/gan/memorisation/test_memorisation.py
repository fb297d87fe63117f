"""Copies of training images are found, held-out lesions do not count as copies, and studies show no suspects."""

from io import BytesIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from console import no_progress
from gan.foundation.storage import save_content
from gan.imaging.image_files import png_bytes, sha256
from gan.imaging.phantoms import draw_phantom
from gan.memorisation.audit import (
    PLANTED_SHARES,
    audit,
    certain_copies,
    null_of,
    planted_copies,
    sensitivity,
    too_many_close,
)
from gan.memorisation.copying_tests import authenticity, cells_of, data_copying_z, membership_auc, rank_z
from gan.memorisation.distances import (
    MEASURES,
    Nearness,
    Others,
    load_reference,
    reference_of,
    save_reference,
)
from gan.models import GeneratedImage, TrainingRun
from gan.quality.extractors import lite2
from turing.errors import StudyError
from turing.models import Study
from turing.studies.lifecycle import open_study


def near_by(distances: np.ndarray) -> Nearness:
    """Images (N,) at the same distance by both measures."""
    return Nearness(dict.fromkeys(MEASURES, distances), {}, np.empty((len(distances), 0)))


@pytest.fixture(scope="module")
def images():
    """100 phantoms, half of them training images."""
    drawn = np.stack([draw_phantom("melanoma", seed, 64, 64) for seed in range(100)])
    return drawn[:50], drawn[50:]


@pytest.fixture(scope="module")
def reference(images):
    training, held_out = images
    return reference_of([f"image {i}" for i in range(50)], training, held_out, lite2(), no_progress)


def recompressed(image: np.ndarray, turns: int) -> np.ndarray:
    buffer = BytesIO()
    Image.fromarray(np.ascontiguousarray(np.rot90(image, turns)[:, ::-1])).save(buffer, "JPEG", quality=70)
    return np.asarray(Image.open(buffer))


def test_a_turned_recompressed_training_image_is_found_and_named(reference, images):
    training, _ = images
    copies = np.stack([recompressed(training[index], turns) for turns, index in enumerate((7, 21, 42))])
    near = reference.nearness(copies, no_progress)
    assert (near.over(reference.limits) < 1).all()
    assert [reference.names[i] for i in near.nearest_by(reference.limits)] == ["image 7", "image 21", "image 42"]


def test_new_images_are_not_taken_for_copies_and_planted_ones_are_found(reference, images):
    training, _ = images
    new = np.stack([draw_phantom("melanoma", seed, 64, 64) for seed in range(200, 260)])
    report = audit(new, training, reference, no_progress)
    assert report["share_closer"] <= 0.1
    assert report["conclusion"].endswith("does not make the samples anonymous.")
    assert report["null"]["share_closer"] <= 0.2
    assert [one["planted"] for one in report["power"]] == [1, 3, 6]
    assert all(one["recall"] == 1 for one in report["power"])
    assert report["power"][-1]["share_closer"] > report["share_closer"]
    assert len(report["closeness"]) == len(report["nearest"]) == 60
    assert report["sensitivity"].endswith("6 of 6 planted copies came closer than the limit.")


@pytest.mark.parametrize(
    ("alarms", "expected"),
    [
        ((False, False, True), "would raise an alarm if 10.0% of them were copies, and not if 5.0% were. "),
        ((True, True, True), "would raise an alarm if 1.0% of them were copies. "),
        ((False, False, False), "would raise no alarm, even if 10.0% of them were copies. "),
        ((True, False, True), "would raise an alarm if 10.0% of them were copies, and not if 5.0% were. "),  # by chance
    ],
)
def test_the_audit_says_which_share_of_copies_it_would_notice(alarms, expected):
    power = [
        {
            "planted_share": share,
            "planted": round(500 * share),
            "samples": 500,
            "recall": 0.98,
            "alarms": ["closer"] if one else [],
        }
        for share, one in zip(PLANTED_SHARES, alarms, strict=True)
    ]
    told = sensitivity(power)
    assert "4.8% of them" in sensitivity([row | {"planted": 24, "alarms": []} for row in power])  # no more to plant
    assert (
        told
        == f"All images together {expected}Compared one by one, 49 of 50 planted copies came closer than the limit."
    )


def test_a_generator_that_copies_raises_every_alarm(reference, images):
    training, _ = images
    report = audit(planted_copies(training, 40), training, reference, no_progress)
    assert report["share_closer"] == 1
    assert report["data_copying_z"] < -3
    assert len(report["alarms"]) == 2
    assert "Look at the pairs" in report["conclusion"]


def test_an_audit_that_would_compare_nothing_is_refused(reference, images):
    with pytest.raises(ValueError, match="either both"):
        audit(images[1], images[0], reference, no_progress, np.full(len(images[1]), "melanoma"))


def test_the_reference_is_kept_and_recognised(reference, tmp_path):
    save_reference(reference, tmp_path / "reference.safetensors", "key")
    kept = load_reference(tmp_path / "reference.safetensors", "key", lite2())
    assert kept is not None
    assert kept.names == reference.names
    assert kept.limits == reference.limits
    assert kept.search_limits == reference.search_limits
    assert kept.held_out.diagnosis is None
    assert load_reference(tmp_path / "reference.safetensors", "another", lite2()) is None


def test_authenticity_compares_with_the_next_training_image():
    training = np.array([[0.0], [1.0], [10.0]])
    # Nearest neighbours among the training images lie 1, 1 and 9 away.
    assert authenticity(np.array([0.5, 2.0, 8.0, 10.0]), np.array([0, 1, 2, 2]), training) == 0.5


def test_the_data_copying_test_is_a_rank_test_within_cells():
    random = np.random.default_rng(0)
    held_out, cells = random.uniform(1, 2, 60), np.repeat([0, 1, 2], 20)
    assert abs(data_copying_z(random.uniform(1, 2, 60), held_out, cells, cells)) < 3
    assert data_copying_z(random.uniform(0, 1, 60), held_out, cells, cells) < -3
    assert data_copying_z(random.uniform(3, 4, 60), held_out, cells, cells) > 3
    assert rank_z(np.ones(5), np.ones(7)) == 0
    assert np.isnan(data_copying_z(np.ones(3), np.ones(3), np.array([0, 0, 0]), np.array([1, 1, 1])))


def test_a_cell_has_images_of_one_diagnosis():
    random = np.random.default_rng(0)
    held_out, samples = random.normal(size=(65, 3)), random.normal(size=(40, 3))
    diagnosis, other = (
        np.repeat(["melanoma", "nevus"], [45, 20]),
        np.repeat(["melanoma", "nevus", "angioma"], [10, 20, 10]),
    )
    theirs, ours = cells_of(held_out, diagnosis, samples, other)
    assert {diagnosis[theirs == cell][0] for cell in (0, 1)} == {"melanoma"}
    assert set(theirs[diagnosis == "nevus"]) == set(ours[other == "nevus"]) == {2}
    assert set(ours[other == "melanoma"]) <= {0, 1}
    assert set(ours[other == "angioma"]) == {-1}  # no held-out image to compare with


def test_membership_is_half_where_scores_do_not_differ():
    random = np.random.default_rng(0)
    groups = np.arange(300), np.arange(200)
    same = membership_auc(random.normal(size=300), random.normal(size=200), *groups)
    assert same["ci95"][0] < 0.5 < same["ci95"][1]
    told = membership_auc(random.normal(2, 1, 300), random.normal(size=200), *groups)
    assert told["ci95"][0] > 0.85


def test_the_interval_of_membership_covers_the_truth_where_lesions_have_several_images():
    """Two images of a lesion have nearly the same score, and nothing is remembered."""
    random = np.random.default_rng(0)
    groups = [np.repeat(np.arange(count), 2) for count in (200, 40)]
    covered = {"by lesion": 0, "by image": 0}
    for _ in range(400):
        scores = [random.normal(size=len(one) // 2)[one] + 0.3 * random.normal(size=len(one)) for one in groups]
        for name, codes in (("by lesion", groups), ("by image", [np.arange(len(one)) for one in groups])):
            low, high = membership_auc(*scores, *codes)["ci95"]
            covered[name] += low <= 0.5 <= high
    assert covered["by lesion"] >= 0.93 * 400
    assert covered["by image"] <= 0.88 * 400  # what it would be without the groups


def test_perfect_membership_is_as_uncertain_as_few_lesions_are():
    found = membership_auc(np.arange(10.0, 20), np.arange(8.0), np.arange(10), np.arange(8))
    assert found == {"auc": 1.0, "ci95": [pytest.approx(0.631, abs=1e-3), 1.0]}  # 8 of 8, by Clopper and Pearson
    assert membership_auc(np.arange(8.0), np.arange(10.0, 20), np.arange(8), np.arange(10))["ci95"][1] < 0.37


def test_other_real_images_are_searched_and_change_no_test(reference, images, tmp_path):
    training, held_out = images
    more = np.stack([draw_phantom("melanoma", seed, 64, 64) for seed in range(300, 420)])
    others = Others(
        [f"other {i}" for i in range(170)],
        np.concatenate([held_out, more]),
        np.concatenate([np.arange(50), 100 + np.arange(120)]),
    )
    names = [f"image {i}" for i in range(50)]
    wide = reference_of(names, training, held_out, lite2(), no_progress, np.arange(50), others)
    # A held-out image is among the others and is not compared with itself.
    assert wide.limits == reference.limits
    assert all(0 < wide.search_limits[measure] <= wide.limits[measure] for measure in MEASURES)
    new = np.stack([draw_phantom("melanoma", seed, 64, 64) for seed in range(200, 239)])
    samples = np.concatenate([new, more[7:8]])
    found, alone = (audit(samples, training, one, no_progress) for one in (wide, reference))
    for figure in ("share_closer", "p_value", "authenticity", "data_copying_z", "null", "power"):
        assert found[figure] == alone[figure], figure
    save_reference(wide, tmp_path / "reference.safetensors", "key")
    kept = load_reference(tmp_path / "reference.safetensors", "key", lite2())
    assert kept.search_limits == wide.search_limits
    assert kept.limits == wide.limits
    assert found["nearest"][-1] == "other 57"
    assert found["closeness"][-1] < 1e-6
    assert found["conclusion"] == "1 of 40 images at less than a tenth of the limit from a real one. Look at the pairs."
    assert alone["conclusion"].startswith("No copying detected")
    assert sum(one < 1 for one in found["closeness"]) <= 4  # the copy, and chance


def test_single_images_raise_an_alarm_if_they_are_too_close_or_too_many():
    far = np.full(100, 3.0)
    assert certain_copies(np.append(far, 0.11)) == []
    assert certain_copies(np.append(far, 0.05)) == ["1 of 101 images at less than a tenth of the limit from a real one"]
    held_out = near_by(np.append(2.0, np.full(199, 3.0)))
    assert too_many_close(near_by(np.append(far, [1.9, 1.5])), held_out) == []  # as many as chance explains
    assert too_many_close(near_by(np.append(far, np.full(20, 0.5))), held_out) == [
        "20 of 120 images closer to a real image than the limit"
    ]


def test_the_null_keeps_the_images_of_a_lesion_together(images):
    training, held_out = images
    group = np.repeat(np.arange(25), 2)
    twins = np.repeat(held_out[:25], 2, axis=0)
    found = reference_of([str(i) for i in range(50)], training, twins, lite2(), no_progress, group)
    assert len(found.held_out.one_of_each_group().features) == 25
    assert len(found.held_out.part(np.arange(0, 50, 2)).one_of_each_group().features) == 25
    assert null_of(found)["share_closer"] in {count / 24 for count in range(0, 25, 2)}  # twelve lesions of two images


def plant(run: TrainingRun) -> GeneratedImage:
    """Put a turned training image among the samples."""
    source = run.training_images.filter(diagnosis="melanoma").first()
    png = png_bytes(np.rot90(np.asarray(source.square(run.size))))
    stored = {"file": save_content(png, ".png"), "sha256": sha256(png)}
    return GeneratedImage.objects.create(generator=run, diagnosis="melanoma", latent_seed=1, **stored)


def test_a_planted_copy_is_marked_and_stays_out_of_studies(run, draft, capsys):
    copy = plant(run)
    with pytest.raises(StudyError, match="1 generated images were not compared"):
        open_study(draft)
    call_command("audit_samples", "tiny")
    copy.refresh_from_db()
    assert copy.suspected_copy
    assert copy.nearest in run.training_images.all()
    assert "1 suspected copies" in capsys.readouterr().out
    study = open_study(draft)
    assert not study.stimuli.filter(generated_image=copy).exists()


def test_a_study_may_be_told_to_show_samples_that_were_not_audited(run, draft):
    run.generated_images.update(audited_at=None)
    with pytest.raises(StudyError, match="audit_samples"):
        open_study(draft)
    Study.objects.filter(pk=draft.pk).update(allow_unaudited=True)
    assert open_study(Study.objects.get(pk=draft.pk)).is_open


def test_reject_copies_draws_others_instead(run, tmp_path, monkeypatch):
    """The limit is so wide that about half of the samples are suspects."""
    from gan.memorisation import copy_detector

    find = copy_detector.CopyDetector.find

    def strict(self, images):
        found = find(self, images)
        middle = float(np.median([one.distance for one in found]))
        return [copy_detector.Finding(one.distance / middle, one.nearest) for one in found]

    monkeypatch.setattr(copy_detector.CopyDetector, "find", strict)
    call_command("sample_gan", "tiny", count=6, seed=3, reject_copies=True, diagnosis=["melanoma"], output=tmp_path)
    kept = [int(path.stem.rsplit("-", 1)[1]) for path in tmp_path.glob("*.png")]
    assert len(kept) == 6
    suspects = run.generated_images.filter(suspected_copy=True)
    assert suspects.exists()
    assert not suspects.filter(latent_seed__in=kept).exists()


def test_without_held_out_lesions_there_is_no_audit(phantoms, capsys):
    options = {"size": 64, "batch_size": 4, "phantoms": True, "precision": "float32", "held_out": 0.1}
    call_command("train_gan", steps=1, name="all", diagnosis=["melanoma"], **options)
    call_command("sample_gan", "all", count=1)
    assert "not audited" in capsys.readouterr().err
    assert GeneratedImage.objects.get().audited_at is None
    with pytest.raises(CommandError, match="needs the audit"):
        call_command("sample_gan", "all", count=1, reject_copies=True)
