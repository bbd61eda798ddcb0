"""The main job on the committed case: seeds, proposals, masks, and what is missing."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from imgcompare.errors import InputError, RegistrationError
from imgcompare.geometry import to_sitk
from imgcompare.loading import load_course
from imgcompare.model import (
    Comparison,
    EventKind,
    Exceeds,
    RegistrationQuality,
    Role,
    Transform,
)
from imgcompare.options import CompareOptions
from imgcompare.pipeline import aligning, compare, compare_steps
from tests.builders import ellipsoid
from tests.pipeline.conftest import SAMPLE, true_seed


def volume(comparison: Comparison, lesion: int, timepoint: int, compartment: str) -> float:
    (value,) = (
        m.value
        for m in comparison.measurements
        if (m.lesion_id, m.timepoint_index, m.compartment, m.quantity)
        == (lesion, timepoint, compartment, "volume")
    )
    return value


@pytest.mark.parametrize(
    ("lesion", "compartment", "tolerance"),
    [(1, "whole", 0.2), (1, "enhancing", 0.2), (2, "whole", 0.5), (2, "enhancing", 0.7)],
)
def test_a_seed_at_baseline_measures_both_visits(
    followed: Comparison, truth: dict, lesion: int, compartment: str, tolerance: float
) -> None:  # type: ignore[type-arg]
    # On 3 x 3 x 5 mm voxels; lesion 2 is five voxels wide, and no voxel of it is free of rim.
    for timepoint in (0, 1):
        true = truth["timepoints"][timepoint]["lesions"][lesion - 1]["volumes_ml"][compartment]
        found = volume(followed, lesion, timepoint, compartment)
        assert found == pytest.approx(true, rel=tolerance)


def test_the_whole_grew_while_the_enhancing_part_shrank(followed: Comparison) -> None:
    change = {
        (c.compartment, c.lesion_id): c
        for c in followed.changes
        if c.quantity == "volume" and c.reference == "baseline"
    }
    assert change["whole", 1].percent > 60
    assert change["whole", 1].exceeds_error is Exceeds.YES
    assert change["enhancing", 1].percent < -15
    assert change["necrotic", 1].absolute > 8


def test_what_was_followed_keeps_its_identity_and_says_where_it_comes_from(
    followed: Comparison,
) -> None:
    assert [sorted(r.lesions) for r in followed.results] == [[1, 2], [1, 2]]
    assert followed.events == ()
    assert followed.results[1].lesions[1].source == "seed carried from baseline"
    assert not followed.results[1].lesions[1].proposed
    assert len({lesion.tracking_uid for lesion in followed.lesions}) == 2


def test_registration_reports_its_quality(followed: Comparison) -> None:
    quality = followed.results[1].aligned.to_baseline.quality
    assert quality is not None
    assert quality.succeeded
    assert quality.similarity_after > quality.similarity_before


def test_recist_stands_beside_the_volumes(followed: Comparison) -> None:
    assert {a.criterion for a in followed.assessments} >= {"RECIST 1.1"}
    assert followed.assessments[-1].category in {"SD", "PD"}


def test_no_identity_in_anything_that_was_found(followed: Comparison) -> None:
    assert followed.course.subject == "subject-01"
    assert "PHANTOM" not in repr(followed.decisions).upper()


def test_two_runs_give_the_same_figures_and_a_reader_decides(
    followed: Comparison,
    truth: dict,  # type: ignore[type-arg]
    tmp_path: Path,
) -> None:
    seeds = (true_seed(truth, 0, 0), true_seed(truth, 0, 1))
    reader = tmp_path / "reader.csv"
    reader.write_text("lesion,role,timepoint,quantity,value\n1,target,,,\n2,,1,status,PD\n")
    again = compare([SAMPLE], options=CompareOptions(seeds=seeds, reader=reader))
    recist = {a.timepoint_index: a for a in again.assessments if a.criterion == "RECIST 1.1"}
    assert recist[0].targets == (1,)
    assert (recist[1].category, recist[1].non_target) == ("PD", "PD")
    assert [lesion.site for lesion in again.lesions] == ["brain", "brain"]  # as the headers say
    assert repr(again.measurements) == repr(followed.measurements)
    assert [x.tracking_uid for x in again.lesions] == [x.tracking_uid for x in followed.lesions]


def test_lesions_are_proposed_and_flagged_when_nothing_is_given() -> None:
    comparison = compare([SAMPLE])
    assert volume(comparison, 1, 1, "whole") > 1.5 * volume(comparison, 1, 0, "whole")
    assert volume(comparison, 1, 1, "enhancing") < volume(comparison, 1, 0, "enhancing")
    assert all(s.proposed for r in comparison.results for s in r.lesions.values())
    assert any("proposed" in d.choice for d in comparison.decisions)
    assert any("PROPOSED" in m.flags for m in comparison.measurements)


def test_a_seed_at_follow_up_alone_is_looked_for_before_and_others_are_pointed_out(
    truth: dict,
) -> None:  # type: ignore[type-arg]
    comparison = compare([SAMPLE], options=CompareOptions(seeds=(true_seed(truth, 1, 0),)))
    assert [sorted(r.lesions) for r in comparison.results] == [[1], [1]]
    assert comparison.events == ()
    assert comparison.results[0].lesions[1].source.startswith("seed carried back from")
    (warning,) = [w for w in comparison.warnings if "Possible further lesion" in w]
    assert "--seed" in warning


def write_mask(path: Path, array: np.ndarray, timepoint: int) -> None:
    reference = load_course([SAMPLE]).timepoints[timepoint].series[Role.T1C]
    sitk.WriteImage(to_sitk(array.astype(np.uint8), reference.geometry), str(path))


def drawn(truth: dict, timepoint: int, radius: float) -> np.ndarray:  # type: ignore[type-arg]
    geometry = load_course([SAMPLE]).timepoints[timepoint].series[Role.T1C].geometry
    centre = truth["timepoints"][timepoint]["lesions"][0]["centre_lps_mm"]
    return ellipsoid(geometry, centre, (radius, radius, radius))


def test_masks_are_kept_as_drawn(truth: dict, tmp_path: Path) -> None:  # type: ignore[type-arg]
    masks = []
    for timepoint, radius in enumerate((12.0, 16.0)):
        mask = drawn(truth, timepoint, radius)
        write_mask(tmp_path / f"{timepoint}.nii.gz", mask, timepoint)
        masks.append((str(timepoint), tmp_path / f"{timepoint}.nii.gz"))
    comparison = compare([SAMPLE], options=CompareOptions(masks=tuple(masks)))
    for timepoint, radius in enumerate((12.0, 16.0)):
        expected = drawn(truth, timepoint, radius).sum() * 0.045
        assert volume(comparison, 1, timepoint, "whole") == pytest.approx(expected, rel=1e-3)


def test_named_labels_are_taken_as_tissues(truth: dict, tmp_path: Path) -> None:  # type: ignore[type-arg]
    labels = np.where(drawn(truth, 0, 14.0), 3, 0)
    labels[drawn(truth, 0, 8.0)] = 1
    write_mask(tmp_path / "seg.nii.gz", labels, 0)
    options = CompareOptions(masks=(("0", tmp_path / "seg.nii.gz"),), label_scheme="brats2023")
    comparison = compare([SAMPLE], options=options)
    assert volume(comparison, 1, 0, "necrotic") == pytest.approx((labels == 1).sum() * 0.045)
    assert volume(comparison, 1, 0, "enhancing") == pytest.approx((labels == 3).sum() * 0.045)
    assert 1 in comparison.results[1].lesions, "followed without a mask at follow-up"


def test_without_t1_what_can_be_measured_is_and_the_rest_is_said(truth: dict) -> None:  # type: ignore[type-arg]
    roles = {"t1_se_tra": Role.OTHER}
    options = CompareOptions(seeds=(true_seed(truth, 0),), roles=roles)
    comparison = compare([SAMPLE], options=options)
    assert Role.T1 not in comparison.results[0].aligned.images
    true = truth["timepoints"][0]["lesions"][0]["volumes_ml"]["whole"]
    assert volume(comparison, 1, 0, "whole") == pytest.approx(true, rel=0.3)
    said = [*comparison.results[0].lesions[1].flags, *(d.reason for d in comparison.decisions)]
    assert any("T1" in text for text in said), said


def failing(*_: object, **__: object) -> Transform:
    quality = RegistrationQuality(1.0, 1.0, None, 0.0, False, "nothing fits")
    return Transform(np.eye(4), quality=quality)


def test_a_failed_registration_blocks_only_what_needs_it(
    truth: dict, monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[type-arg]
    monkeypatch.setattr(aligning, "register", failing)
    with pytest.raises(RegistrationError, match=r"nothing fits.*--seed or --mask"):
        compare([SAMPLE], options=CompareOptions(seeds=(true_seed(truth, 0),)))
    seeds = (true_seed(truth, 0), true_seed(truth, 1))
    comparison = compare([SAMPLE], options=CompareOptions(seeds=seeds))
    assert len(comparison.warnings) >= 4
    assert volume(comparison, 1, 1, "whole") > volume(comparison, 1, 0, "whole")


def test_a_vanished_lesion_is_measured_as_zero(truth: dict, tmp_path: Path) -> None:  # type: ignore[type-arg]
    geometry = load_course([SAMPLE]).timepoints[1].series[Role.T1C].geometry
    write_mask(tmp_path / "0.nii.gz", drawn(truth, 0, 12.0), 0)
    elsewhere = ellipsoid(geometry, geometry.centre_mm, (6.0, 6.0, 6.0))
    write_mask(tmp_path / "1.nii.gz", elsewhere, 1)
    masks = (("0", tmp_path / "0.nii.gz"), ("1", tmp_path / "1.nii.gz"))
    comparison = compare([SAMPLE], options=CompareOptions(masks=masks))
    kinds = {e.kind for e in comparison.events}
    assert kinds == {EventKind.NEW, EventKind.VANISHED}
    assert volume(comparison, 1, 1, "whole") == 0.0


def test_progress_counts_up_to_its_total(truth: dict) -> None:  # type: ignore[type-arg]
    seeds = (true_seed(truth, 0), true_seed(truth, 1))
    steps = list(compare_steps([SAMPLE], options=CompareOptions(seeds=seeds)))
    assert [s.step for s in steps[1:]] == list(range(2, len(steps) + 1))
    assert {s.total for s in steps[1:]} == {steps[-1].step}
    assert dataclasses.is_dataclass(steps[0])


def test_events_comparability_and_error_stand_beside_the_categories(followed: Comparison) -> None:
    assert [e.value for e in followed.clinical_events] == ["60 Gy"]
    assert {(f.from_index, f.to_index) for f in followed.comparability} <= {(0, 1)}
    recist = [a for a in followed.assessments if a.criterion == "RECIST 1.1"][-1]
    assert recist.exceeds_error is not Exceeds.UNKNOWN
    assert sum(share for _, share in recist.probabilities) > 0.9


def test_events_of_another_subject_are_refused(tmp_path: Path) -> None:
    events = tmp_path / "events.csv"
    events.write_text("subject,date,event,value\nsomebody,2024-01-01,surgery,\n")
    with pytest.raises(InputError, match="about 'somebody', and these scans are of 'subject-01'"):
        compare([SAMPLE], options=CompareOptions(clinical=events))
