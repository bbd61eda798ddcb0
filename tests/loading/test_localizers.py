"""A localizer is listed once and never becomes a volume, unless a person says it is none."""

from pathlib import Path

import pytest

from imgcompare.errors import SeriesError
from imgcompare.loading import load_course, scan, scan_as_dict
from imgcompare.model import Role, Series
from tests.builders import make_geometry
from tests.loading.dicom_builder import SeriesSpec, write_series
from tests.loading.scanned import all_series


def write_localizer(folder: Path, description: str = "3 plane loc") -> None:
    for n, angles in enumerate(((0.0, 0.0, 0.0), (90.0, 0.0, 0.0), (0.0, 90.0, 0.0))):
        grid = make_geometry((3, 6, 6), oblique_deg=angles)
        spec = SeriesSpec(description, geometry=grid, series_uid="1.2.3", study_uid="1.2", number=1)
        write_series(folder, spec, seed=n)


def test_three_planes_are_one_entry(tmp_path: Path) -> None:
    write_localizer(tmp_path)
    write_series(tmp_path, SeriesSpec("AX T1", study_uid="1.2"), seed=9)
    course = load_course(tmp_path)
    (localizer,) = course.timepoints[0].others
    assert localizer.role is Role.LOCALIZER
    assert localizer.description == "3 plane loc"
    assert localizer.role_reason.endswith("9 images in 3 planes, listed, not stacked")
    assert len(localizer.files) == 9
    with pytest.raises(SeriesError, match="is a localizer of 9 images in 3 planes"):
        localizer.load()
    assert course.problems == ()
    assert not any("series 1 " in d.choice for d in course.decisions)


def test_json_says_that_it_cannot_be_loaded(tmp_path: Path) -> None:
    write_localizer(tmp_path)
    ((series,),) = (t["series"] for t in scan_as_dict(scan(tmp_path))["subjects"][0]["timepoints"])
    assert series["loadable"] is False
    assert "listed, not stacked" in series["refusal"]


def test_a_person_can_say_it_is_none(tmp_path: Path) -> None:
    write_series(tmp_path, SeriesSpec("T1 scout view", number=7))
    (series,) = all_series(tmp_path)
    assert series.refusal
    (forced,) = all_series(tmp_path, roles={"7": "T1"})
    assert forced.role is Role.T1
    assert isinstance(forced, Series)
    assert forced.load().array.shape == (11, 17, 23)
