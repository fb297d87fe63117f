"""Images of one patient are never on both sides of a split, and types of images are mixed only on request."""

import io
from importlib import import_module

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from gan.datasets.sources import Source, from_database, split_all, split_by_lesion
from gan.foundation.errors import GanError
from gan.foundation.patients import Groups, link_images
from gan.models import LesionImage, TrainingRun
from tests.hostile.inputs import QUICK

ids = st.sampled_from(["", *"abcdef"])
images = st.lists(st.tuples(ids, ids, st.sampled_from(["melanoma", "nevus"])), min_size=1, max_size=24)


def lesion_image(name: str, **fields) -> LesionImage:
    stored = {"file": "", "sha256": name, "width": 1, "height": 1, "diagnosis": "nevus"}
    return LesionImage.objects.create(isic_id=name, **stored | fields)


def run_on(*seen: LesionImage) -> TrainingRun:
    run = TrainingRun.objects.create(
        name="r", model="dcgan", settings={}, diagnoses=["nevus"], size=64, seed=0, device="cpu", data_fingerprint="",
        data_count=len(seen), uses_phantoms=False,
    )  # fmt: skip
    run.training_images.set(seen)
    return run


def sources(rows) -> dict[str, list[Source]]:
    found: dict[str, list[Source]] = {}
    for index, (lesion, patient, diagnosis) in enumerate(rows):
        source = Source(f"i{index}", lesion, "", bytes, index, patient)
        found.setdefault(diagnosis, []).append(source)
    return found


def connected(rows) -> list[set[int]]:
    """Groups of images by plain search, to check the union-find."""
    groups: list[set[int]] = []
    for index, (lesion, patient, _) in enumerate(rows):
        near = [
            group
            for group in groups
            if any((lesion and rows[one][0] == lesion) or (patient and rows[one][1] == patient) for one in group)
        ]
        groups = [group for group in groups if group not in near] + [set().union({index}, *near)]
    return groups


@QUICK
@given(images, st.floats(0, 0.9), st.integers(0, 5))
def test_no_group_of_lesions_and_patients_stands_on_both_sides(rows, held_out, seed):
    split = split_all(sources(rows), held_out, seed)
    training = {int(one.name[1:]) for sides in split.values() for one in sides[0]}
    held = {int(one.name[1:]) for sides in split.values() for one in sides[1]}
    assert training | held == set(range(len(rows)))
    assert not training & held
    for group in connected(rows):
        assert group <= training or group <= held


def test_without_patients_the_split_is_that_of_lesions():
    """A run of an earlier version is split again in the same way."""
    with_lesions = [Source(f"i{index}", f"L{index // 3}", "", bytes, index) for index in range(60)]
    _, held_out = split_by_lesion(with_lesions, 0.2, seed=1)
    assert len(held_out) == 12
    assert sorted({one.lesion for one in held_out}) == ["L1", "L18", "L6", "L8"]


def test_one_file_name_in_two_folders_is_no_link():
    rows = {name: [Source(f"{index}", "", "", bytes) for index in range(20)] for name in ("melanoma", "nevus")}
    assert [len(sides[1]) for sides in split_all(rows, 0.25, 0).values()] == [5, 5]


def test_a_study_shows_no_patient_whose_other_lesion_was_trained_on(db):
    seen = lesion_image("seen", lesion_id="L1")
    lesion_image("other view", lesion_id="L1", patient_id="P1")
    lesion_image("other lesion", lesion_id="L2", patient_id="P1", diagnosis="melanoma")
    lesion_image("shared lesion", lesion_id="L2", patient_id="P2")
    lesion_image("of P2", patient_id="P2")
    lesion_image("apart", lesion_id="L3", patient_id="P3")
    lesion_image("unknown")
    fair = LesionImage.objects.not_trained_on_by([run_on(seen)])
    assert set(fair.values_list("isic_id", flat=True)) == {"apart", "unknown"}


def test_a_study_shows_no_copy_of_an_image_that_was_trained_on(db):
    """A network may have been trained before curation found that its image repeats another one."""
    seen = lesion_image("small", repeats="large")
    lesion_image("large", lesion_id="L1")
    lesion_image("larger still", repeats="large")
    lesion_image("other view of the large one", lesion_id="L1", patient_id="P1")
    lesion_image("other lesion", lesion_id="L2", patient_id="P1")
    lesion_image("copy of the other lesion", repeats="other lesion")
    lesion_image("copy of an image that is gone", repeats="gone")
    lesion_image("apart", lesion_id="L3")
    fair = LesionImage.objects.not_trained_on_by([run_on(seen)])
    assert set(fair.values_list("isic_id", flat=True)) == {"apart", "copy of an image that is gone"}
    keys = LesionImage.objects.group_names()
    names = {image.isic_id: keys[image.pk] for image in LesionImage.objects.all()}
    assert len(set(names.values())) == 3
    assert len({names[one] for one in ("apart", "copy of an image that is gone", "small")}) == 3


def test_a_copy_has_the_group_of_its_original_even_if_that_one_is_not_asked_for(db):
    lesion_image("copy", repeats="original")
    lesion_image("original", lesion_id="L1", diagnosis="melanoma")
    lesion_image("other view", lesion_id="L1")
    nevi = LesionImage.objects.with_diagnosis("nevus")
    assert len(set(nevi.group_names().values())) == 1


@QUICK
@given(images, st.lists(st.integers(0, 23), max_size=8))
def test_links_are_followed_to_their_end(rows, repeated):
    """The group of the first image is what plain search finds, with lesions, patients and copies as links."""
    repeats = dict(enumerate(one for one in repeated if one < len(rows)))
    named = [
        (f"i{index}", lesion, patient, f"i{repeats[index]}" if index in repeats else "")
        for index, (lesion, patient, _) in enumerate(rows)
    ]
    groups = Groups()
    link_images(groups, named)
    found = groups.together_with([("image", "i0")])
    of_it, before = {0}, set()
    while of_it != before:
        before = set(of_it)
        of_it |= {
            index
            for index, row in enumerate(rows)
            for one in before
            if (row[0] and row[0] == rows[one][0])
            or (row[1] and row[1] == rows[one][1])
            or repeats.get(index) == one
            or repeats.get(one) == index
        }
    assert {name for kind, name in found if kind == "image"} == {f"i{index}" for index in of_it}


def test_groups_without_copies_keep_their_names(db):
    """Scores of machines are computed in parts of the groups, in the order of these names."""
    lesion_image("a", lesion_id="L1", patient_id="P1")
    lesion_image("b", lesion_id="L2", patient_id="P1")
    lesion_image("c", lesion_id="L3")
    lesion_image("d", lesion_id="L3")
    lesion_image("e", patient_id="P2")
    lesion_image("f")
    names = LesionImage.objects.group_names()
    by_id = {image.isic_id: names[image.pk] for image in LesionImage.objects.all()}
    assert by_id == {
        "a": "image b",
        "b": "image b",
        "c": "image d",
        "d": "image d",
        "e": "image e",
        "f": "image f",
    }


def test_a_copy_with_a_lesion_of_its_own_is_on_the_side_of_its_original(db):
    """Two archives give one lesion two ids."""
    for index in range(20):
        lesion_image(f"original {index}", lesion_id=f"A{index}")
        lesion_image(f"copy {index}", lesion_id=f"B{index}", repeats=f"original {index}")
    training, held_out = split_by_lesion(from_database("nevus", phantoms=False), 0.3, seed=0)
    assert len(held_out) == 12
    names = {one.name.split()[1] for one in held_out}
    assert not names & {one.name.split()[1] for one in training}


def test_training_takes_one_type_and_tells_of_the_others(db):
    for index in range(3):
        lesion_image(f"c{index}", image_type="clinical: close-up")
    with pytest.raises(GanError, match=r"no dermoscopic images of 'nevus'; of other types: 3 clinical: close-up"):
        from_database("nevus", phantoms=False)
    lesion_image("d")
    assert [one.name for one in from_database("nevus", phantoms=False)] == ["d"]
    assert len(from_database("nevus", phantoms=False, image_type="clinical")) == 3
    assert LesionImage.objects.of_type("clinical: close-up").count() == 3
    with pytest.raises(CommandError, match=r"no overview images of 'nevus'.*--type chooses one"):
        call_command("train_gan", diagnosis=["nevus"], image_type="overview", stderr=io.StringIO())


def test_the_migration_fills_the_columns_from_what_exports_said(db):
    said = {
        "patient_id": "IP_1", "age_approx": "45.0", "sex": "Male", "localization": "lower_extremity",
        "fitzpatrick_skin_type": "3", "image_type": "clinical: close-up",
    }  # fmt: skip
    lesion_image("ISIC_0000001", metadata=said)
    lesion_image("ISIC_0000002", metadata={"age": "unknown", "site": None, "sex": "unknown", "patient_id": "N/A"})
    lesion_image("PHANTOM_1", is_phantom=True)
    import_module("gan.migrations.0004_collections").fill(apps, None)
    full, empty, phantom = LesionImage.objects.order_by("isic_id")
    assert (full.collection, full.patient_id, full.image_type) == ("ISIC archive", "IP_1", "clinical: close-up")
    assert (full.age, full.sex, full.site, full.fitzpatrick_skin_type) == (45, "male", "lower extremity", "III")
    assert empty.patient_id == ""
    assert (empty.image_type, empty.age, empty.sex, empty.site) == ("dermoscopic", None, "", "")
    assert phantom.collection == "phantoms"
