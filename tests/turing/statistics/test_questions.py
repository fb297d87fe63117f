"""The figures of each kind of question equal counts made by hand."""

import numpy as np
import pytest

from turing.statistics.auc import mrmc_auc
from turing.statistics.comparisons import holm
from turing.statistics.question_answers import questions_in
from turing.statistics.questions import analyse_questions
from turing.statistics.responses import Responses

READERS, IMAGES = 6, 24  # every second image is real


def responses(**columns) -> Responses:
    """Every reader judged every image. `columns` holds further answers, as in the responses CSV."""
    reader, image = (axis.ravel() for axis in np.indices((READERS, IMAGES)))
    is_real = image % 2 == 0
    judged_real = (image % 3 == 0) ^ (reader % 2 == 0)
    return Responses.from_labels(
        reader, image, is_real, judged_real, diagnosis=np.where(image % 4 < 2, "melanoma", "nevus"),
        questions=questions_in({name: [str(one) for one in column] for name, column in columns.items()}),
    )  # fmt: skip


def index():
    return (axis.ravel() for axis in np.indices((READERS, IMAGES)))


def test_a_diagnosis_is_compared_by_the_share_that_is_right():
    reader, image = index()
    right = np.where((image + reader) % 4 == 0, "no", "yes")
    right[0] = ""  # an image for which no option is right
    values = np.where(image % 5 == 0, "nevus", "melanoma")
    plan = [{"name": "d", "primary": True, "test": "equivalence", "margin": 0.2}]
    row = analyse_questions(responses(diagnosis__d=values, diagnosis__d__right=right), plan)[1]
    known, real = right != "", image % 2 == 0
    assert row["real"]["estimate"] == pytest.approx((right[known & real] == "yes").mean())
    assert row["generated"]["estimate"] == pytest.approx((right[known & ~real] == "yes").mean())
    assert row["difference"]["estimate"] == pytest.approx(row["real"]["estimate"] - row["generated"]["estimate"])
    assert row["unknown"] == 1
    assert row["p_value"] == row["equivalence"]["p_value"] == row["p_holm"]
    assert row["equivalence"]["margin"] == 0.2
    count = ((image % 5 == 0) & real & (image % 4 < 2)).sum()
    assert {"diagnosis": "melanoma", "answer": "nevus", "real": count} == {
        key: row["answers_by_truth"][1][key] for key in ("diagnosis", "answer", "real")
    }


def test_a_scale_is_compared_by_its_mean_and_by_the_auc_in_its_own_units():
    reader, image = index()
    level = 1 + (3 * reader + 5 * image + 2 * (image % 2 == 0)) % 7
    row = analyse_questions(responses(scale7__look=level), [{"name": "look", "margin": 3.0}])[1]
    real = image % 2 == 0
    assert row["real"]["estimate"] == pytest.approx(level[real].mean())
    assert row["generated"]["estimate"] == pytest.approx(level[~real].mean())
    low, high = row["difference"]["ci95"]
    assert low < level[real].mean() - level[~real].mean() < high
    assert row["auc"]["estimate"] == pytest.approx(mrmc_auc(reader, image, real, level).estimate)
    by_hand = np.mean([
        np.mean(np.sign(level[real & own][:, None] - level[~real & own][None]) + 1) / 2
        for own in (reader == one for one in range(READERS))
    ])  # fmt: skip
    assert row["auc"]["estimate"] == pytest.approx(by_hand)
    assert row["equivalence"]["margin"] == 3.0


def test_yes_and_no_leave_out_what_was_not_answered_and_confidence_is_told_apart():
    reader, image = index()
    said = np.where((image + reader) % 3 == 0, "yes", "no").astype(object)
    said[(image + reader) % 7 == 0] = ""
    sure = np.where(said == "", "", (1 + (image + 2 * reader) % 5).astype(str))
    row = analyse_questions(responses(yes_no__b=said, yes_no__b__confidence=sure))[1]
    real = image % 2 == 0
    given = said != ""
    assert row["answers"] == {"real": int((given & real).sum()), "generated": int((given & ~real).sum())}
    assert row["real"]["estimate"] == pytest.approx((said[given & real] == "yes").mean())
    assert row["confidence"]["generated"]["estimate"] == pytest.approx(sure[given & ~real].astype(int).mean())


def test_cues_are_shares_of_the_answers_generated_by_what_the_image_is():
    reader, image = index()
    data = responses(cues__why=np.where(image % 4 == 1, "hair;other", np.where(reader == 0, "hair", "")))
    row = analyse_questions(data)[1]
    said = ~data.judged_real
    hair = (image % 4 == 1) | (reader == 0)
    shares = {one["cue"]: one for one in row["cues"]}
    assert list(shares) == ["hair", "other"]
    for truth, mask in (("real", image % 2 == 0), ("generated", image % 2 == 1)):
        assert shares["hair"][truth]["estimate"] == pytest.approx(hair[said & mask].mean())
        assert shares["hair"]["named"][truth] == (hair & said & mask).sum()
    assert shares["other"]["named"]["real"] == 0
    assert shares["other"]["difference"]["p_value"] is None  # no real image: nothing varies there
    first = next(one for one in row["images"] if one["cue"] == "other")
    assert first["truth"] == "generated"
    assert first["named"] == first["judged_generated"] == (said & (image == int(first["image"]))).sum()


def test_holm_is_over_the_primary_questions_and_nothing_else():
    reader, image = index()
    columns = {f"scale5__q{one}": 1 + (reader * one + image * (one + 1) + one * (image % 2)) % 5 for one in (1, 2, 3)}
    plan = [{"name": "judgement", "primary": True}, {"name": "q1", "primary": True}, {"name": "q2", "primary": True}]
    rows = {row["name"]: row for row in analyse_questions(responses(**columns), plan)}
    primary = [rows[name] for name in ("judgement", "q1", "q2")]
    assert [row["p_holm"] for row in primary] == holm([row["p_value"] for row in primary])
    assert rows["q3"]["p_value"] is not None
    assert rows["q3"]["p_holm"] is None


def test_texts_are_counted_and_nothing_is_said_of_the_judgement_alone():
    assert analyse_questions(responses()) == []
    reader, _ = index()
    row = analyse_questions(responses(text__notes=np.where(reader == 1, "odd", "")))[1]
    assert row["answers"] == {"real": IMAGES // 2, "generated": IMAGES // 2}
    assert row["difference"] is None
