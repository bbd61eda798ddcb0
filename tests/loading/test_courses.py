"""Visits are ordered by date, series chosen for roles, and people can overrule both."""

import datetime as dt
from pathlib import Path
from typing import Any

import pydicom
import pytest

from imgcompare.errors import ConfigurationError, InputError
from imgcompare.loading import load_course, scan
from imgcompare.model import Role
from tests.builders import make_geometry
from tests.loading.dicom_builder import SeriesSpec, write_series

THIN = make_geometry((16, 8, 9), spacing_mm=(1.0, 0.9, 0.7))
THICK = make_geometry((4, 8, 9), spacing_mm=(5.0, 0.9, 0.7))


def write(folder: Path, description: str, number: int = 1, **spec: Any) -> None:
    spec.setdefault("geometry", THIN)
    write_series(folder, SeriesSpec(description, number=number, **spec), seed=number)


def test_dates_order_timepoints_whatever_folders_say(tmp_path: Path) -> None:
    write(tmp_path / "SCAN_001", "T1", date="19600413")
    write(tmp_path / "SCAN_002", "T1", date="19591209")
    write(tmp_path / "SCAN_000", "T1", date="20240229")
    course = load_course(tmp_path)
    assert [t.date for t in course.timepoints] == [
        dt.date(1959, 12, 9),
        dt.date(1960, 4, 13),
        dt.date(2024, 2, 29),
    ]
    assert [t.index for t in course.timepoints] == [0, 1, 2]
    assert course.baseline_index == 0


def test_two_roots_make_one_course(tmp_path: Path) -> None:
    write(tmp_path / "b", "T1", date="20240101")
    write(tmp_path / "a", "T1", date="20240601")
    course = load_course([tmp_path / "a", tmp_path / "b"])
    assert [t.name for t in course.timepoints] == ["2024-01-01", "2024-06-01"]


def test_studies_of_one_day_that_complete_each_other_are_one_visit(tmp_path: Path) -> None:
    write(tmp_path, "T1", number=1, study_uid="1.1", time="080000")
    write(tmp_path, "arterial", number=2, study_uid="1.2", time="150000", modality="CT")
    (timepoint,) = load_course(tmp_path).timepoints
    assert set(timepoint.series) == {Role.T1, Role.CT_ARTERIAL}
    assert timepoint.study_uids == ("1.1", "1.2")
    assert timepoint.time == dt.time(8, 0)


def test_studies_of_one_day_that_repeat_roles_are_two_visits_by_time(tmp_path: Path) -> None:
    write(tmp_path, "T1 post", number=1, study_uid="1.1", time="190000")
    write(tmp_path, "T1 post", number=2, study_uid="1.2", time="080000")
    course = load_course(tmp_path)
    assert [t.study_uids for t in course.timepoints] == [("1.2",), ("1.1",)]
    assert any("2 visit(s)" in d.choice for d in course.decisions)


def test_studies_minutes_apart_are_one_visit(tmp_path: Path) -> None:
    write(tmp_path, "T1 post", number=1, study_uid="1.1", time="101500")
    write(tmp_path, "T1 post", number=2, study_uid="1.2", time="110000", geometry=THICK)
    (timepoint,) = load_course(tmp_path).timepoints
    assert timepoint.series[Role.T1C].number == 1


def test_several_subjects_are_named_by_pseudonym_in_order_of_date(tmp_path: Path) -> None:
    write(tmp_path, "T1", number=1, date="20240301", tags={"PatientID": "ZZZ-1"})
    write(tmp_path, "T1", number=2, date="20240101", tags={"PatientID": "AAA-2"})
    result = scan(tmp_path)
    assert [c.subject for c in result.courses] == ["subject-01", "subject-02"]
    assert result.courses[0].timepoints[0].date == dt.date(2024, 1, 1)
    with pytest.raises(InputError, match=r"2 subjects.*subject-01 \(2024-01-01\)"):
        load_course(tmp_path)


def test_identified_names_by_patient_id(tmp_path: Path) -> None:
    write(tmp_path, "T1", tags={"PatientID": "ZZZ-1"})
    assert load_course(tmp_path, identified=True).subject == "ZZZ-1"
    assert load_course(tmp_path).subject == "subject-01"


@pytest.mark.parametrize(
    ("first", "second", "subjects"),
    [
        ({"PatientID": "A1"}, {"PatientID": "A1", "PatientBirthDate": ""}, 1),
        ({"PatientID": "A1"}, {"PatientID": "A1", "PatientBirthDate": "19010101"}, 2),
        ({"PatientID": ""}, {"PatientID": ""}, 1),
        ({"PatientID": ""}, {"PatientID": "", "PatientName": "Other^One"}, 2),
        ({"PatientID": "A1"}, {"PatientID": "A1", "PatientName": "Married^Now"}, 1),
    ],
)
def test_patients_by_identifier_birth_date_and_name(
    tmp_path: Path, first: dict[str, str], second: dict[str, str], subjects: int
) -> None:
    write(tmp_path, "T1", number=1, date="20240101", tags=first)
    write(tmp_path, "T1", number=2, date="20240201", tags=second)
    assert len(scan(tmp_path).courses) == subjects


def test_undated_visits_are_kept_apart_and_said_so(tmp_path: Path) -> None:
    for n in (1, 2):
        write(tmp_path / f"visit{n}", "T1", number=n, date="")
    course = load_course(tmp_path)
    assert len(course.timepoints) == 2
    assert course.timepoints[0].date is None
    assert any("no date" in p for p in course.problems)


def test_thin_original_series_is_chosen_and_the_choice_recorded(tmp_path: Path) -> None:
    write(tmp_path, "AX FLAIR", number=1, study_uid="1.1", geometry=THICK)
    write(tmp_path, "3D FLAIR", number=2, study_uid="1.1")
    derived = {"ImageType": ["DERIVED", "SECONDARY", "MPR"]}
    write(tmp_path, "FLAIR MPR", number=3, study_uid="1.1", tags=derived)
    course = load_course(tmp_path)
    (timepoint,) = course.timepoints
    assert timepoint.series[Role.FLAIR].number == 2
    assert {s.number for s in timepoint.others} == {1, 3}
    (decision,) = [d for d in course.decisions if "FLAIR is series 2" in d.choice]
    assert "best of 3" in decision.reason


def test_matched_pair_is_preferred_for_subtraction(tmp_path: Path) -> None:
    thick = {"RepetitionTime": 500.0, "EchoTime": 10.0}
    thin = {"RepetitionTime": 8.0, "EchoTime": 3.0}
    write(tmp_path, "AX T1", number=1, study_uid="1.1", geometry=THICK, tags=thick)
    write(tmp_path, "AX T1 POST", number=2, study_uid="1.1", geometry=THICK, tags=thick)
    write(tmp_path, "3D T1 POST", number=3, study_uid="1.1", tags=thin)
    course = load_course(tmp_path)
    series = course.timepoints[0].series
    assert (series[Role.T1].number, series[Role.T1C].number) == (1, 2)
    assert any("same sequence" in d.reason for d in course.decisions)


def test_best_contrast_series_is_chosen_when_nothing_matches(tmp_path: Path) -> None:
    write(tmp_path, "AX T1 POST", number=2, study_uid="1.1", geometry=THICK)
    write(tmp_path, "3D T1 POST", number=3, study_uid="1.1")
    assert load_course(tmp_path).timepoints[0].series[Role.T1C].number == 3


def test_later_of_two_equal_sequences_is_taken_as_contrast_with_doubt(tmp_path: Path) -> None:
    for number, time in ((7, "101000"), (3, "104000")):
        tags = {"AcquisitionTime": time, "RepetitionTime": 8.0, "EchoTime": 3.0}
        write(tmp_path, "T1 MPRAGE", number=number, study_uid="1.1", tags=tags)
    course = load_course(tmp_path)
    series = course.timepoints[0].series
    assert (series[Role.T1].number, series[Role.T1C].number) == (7, 3)
    assert any("doubtful" in d.reason for d in course.decisions)
    assert any("role doubtful" in p for p in course.problems)


def test_different_sequences_are_not_taken_as_a_pair(tmp_path: Path) -> None:
    for number, echo in ((1, 3.0), (2, 12.0)):
        tags = {"RepetitionTime": 500.0, "EchoTime": echo}
        write(tmp_path, "T1", number=number, study_uid="1.1", tags=tags)
    assert Role.T1C not in load_course(tmp_path).timepoints[0].series


def test_soft_kernel_and_axial_plane_win_for_ct(tmp_path: Path) -> None:
    sharp = {"ConvolutionKernel": "B70f"}
    soft = {"ConvolutionKernel": "B30f"}
    write(tmp_path, "portal", 1, study_uid="1.1", modality="CT", tags=sharp)
    write(tmp_path, "portal", 2, study_uid="1.1", modality="CT", tags=soft, geometry=THICK)
    coronal = make_geometry((20, 8, 9), oblique_deg=(90.0, 0.0, 0.0))
    write(tmp_path, "portal cor", 3, study_uid="1.1", modality="CT", tags=soft, geometry=coronal)
    assert load_course(tmp_path).timepoints[0].series[Role.CT_PORTAL].number == 2


def test_refused_series_never_fills_a_role_unless_told(tmp_path: Path) -> None:
    write(tmp_path, "T1 post", number=4, skip=(5,))
    (timepoint,) = load_course(tmp_path).timepoints
    assert not timepoint.series
    assert timepoint.others[0].role is Role.T1C
    (told,) = load_course(tmp_path, roles={"4": "T1C"}).timepoints
    assert told.series[Role.T1C].refusal


@pytest.mark.parametrize("key", ["6", "contrast gift", "Weird Contrast Gift", "1.2.3.4.5"])
def test_roles_are_overruled_by_number_description_or_uid(tmp_path: Path, key: str) -> None:
    write(tmp_path, "Weird contrast gift", 6, study_uid="1.1", series_uid="1.2.3.4.5")
    write(tmp_path, "FLAIR", 7, study_uid="1.1")
    (timepoint,) = load_course(tmp_path, roles={key: "t2"}).timepoints
    assert timepoint.series[Role.T2].number == 6
    assert "given by you" in timepoint.series[Role.T2].role_reason


def test_override_counts_in_every_visit(tmp_path: Path) -> None:
    for date in ("20240101", "20240301"):
        write(tmp_path, "Special", number=6, date=date, study_uid=f"1.{date}")
    course = load_course(tmp_path, roles={"special": Role.T1C})
    assert all(Role.T1C in t.series for t in course.timepoints)


def test_ambiguous_or_unknown_overrides_are_refused_with_the_candidates(tmp_path: Path) -> None:
    write(tmp_path, "T1 axial", number=1, study_uid="1.1")
    write(tmp_path, "T1 sagittal", number=2, study_uid="1.1")
    with pytest.raises(ConfigurationError, match=r"fits 2 series.*T1 axial.*T1 sagittal"):
        load_course(tmp_path, roles={"t1": "T1"})
    with pytest.raises(ConfigurationError, match=r"No series fits '99'.*T1 axial"):
        load_course(tmp_path, roles={"99": "T1"})
    with pytest.raises(ConfigurationError, match=r"no role 'T9'.*T1C, T2, FLAIR"):
        load_course(tmp_path, roles={"1": "T9"})


def test_localizers_are_listed_not_stacked_with_images(tmp_path: Path) -> None:
    tags = {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}
    scout = {"series_uid": "1.9", "tags": tags, "geometry": THICK}
    write(tmp_path / "scout", "T1", number=1, study_uid="1.1", **scout)
    write(tmp_path, "T1", number=1, study_uid="1.1", series_uid="1.9")
    (timepoint,) = load_course(tmp_path).timepoints
    assert timepoint.series[Role.T1].geometry.shape == THIN.shape
    assert timepoint.others[0].role is Role.LOCALIZER


def test_one_study_uid_with_two_dates_is_two_visits(tmp_path: Path) -> None:
    """Programs that hide identities may give all visits one UID, of the series too."""
    for n, date in enumerate(("20240410", "20240110")):
        write(tmp_path / f"{n}", "T1", n + 1, study_uid="1.1", series_uid="1.2", date=date)
    course = load_course(tmp_path)
    assert [t.name for t in course.timepoints] == ["2024-01-10", "2024-04-10"]
    assert any("one Study Instance UID stands with 2 dates" in p for p in course.problems)


def test_dates_of_acquisition_and_content_stand_in_for_those_of_studies(tmp_path: Path) -> None:
    for tag, early, late in (
        ("AcquisitionDate", "20240110", "20240410"),
        ("ContentDate", "20240111", "20240411"),
    ):
        for n, date in enumerate((late, early)):
            tags = {"StudyDate": None, tag: date}
            write(tmp_path / tag / f"{n}", "T1", n + 1, tags=tags)
        names = [t.name for t in load_course(tmp_path / tag).timepoints]
        assert [n.replace("-", "") for n in names] == [early, late]


def test_visits_that_nothing_orders_are_said(tmp_path: Path) -> None:
    for n in range(2):
        write(tmp_path / f"{n}", "T1", n + 1, date="19000101", time="000000")
    said = load_course(tmp_path).problems
    assert "2 visits on 1900-01-01 have the same or no time; they are ordered by name" in said


def test_one_identifier_with_two_names_is_doubted(tmp_path: Path) -> None:
    for n, name in enumerate(("Doe^Jane", "DOE^Jane^M", "Roe^Richard")):
        tags = {"PatientName": name, "PatientBirthDate": ""}
        write(tmp_path / f"{n}", "T1", n + 1, date=f"2024010{n + 1}", tags=tags)
    course = load_course(tmp_path)
    assert any("stands with 2 different family names" in p for p in course.problems)


def test_files_that_lack_identifier_or_date_belong_to_their_study(tmp_path: Path) -> None:
    for keyword in ("PatientID", "StudyDate"):
        folder = tmp_path / keyword
        write(folder, "T1")
        for path in sorted(folder.iterdir())[::2]:
            dataset = pydicom.dcmread(path)
            setattr(dataset, keyword, "")
            dataset.save_as(path)
        (timepoint,) = load_course(folder).timepoints
        assert timepoint.series[Role.T1].geometry.shape == THIN.shape


def test_files_without_identifier_of_another_name_are_another_patient(tmp_path: Path) -> None:
    write(tmp_path, "T1", 1, study_uid="1.1")
    write(tmp_path, "T1", 2, study_uid="1.1", tags={"PatientID": "", "PatientName": "Roe^Jane"})
    assert len(scan(tmp_path).courses) == 2
