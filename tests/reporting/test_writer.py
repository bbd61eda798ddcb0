import dataclasses
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgcompare.errors import OutputError
from imgcompare.model import Comparison, Progress, finish
from imgcompare.reporting import write_comparison, writer
from tests.reporting.builders import CaseSpec, make_comparison


@pytest.fixture(scope="module")
def small() -> Comparison:
    return make_comparison(CaseSpec(shape=(14, 42, 36), spacing_mm=(10.0, 4.8, 4.8)))


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def test_everything_of_the_contract_is_there(written: Path) -> None:
    assert sorted(p.name for p in written.iterdir()) == [
        "assessments.csv",
        "assessments.json",
        "changes.csv",
        "labels",
        "measurements.csv",
        "outlines",
        "provenance.json",
        "report.html",
        "responses.csv",
        "sdtm",
        "session.toml",
        "transforms",
    ]
    assert len(list((written / "labels").glob("*.nii.gz"))) == 4


def test_progress_is_told(small: Comparison, tmp_path: Path) -> None:
    steps = list(_messages(small, tmp_path / "out"))
    assert [s.step for s in steps] == sorted(s.step for s in steps)
    assert all(0 <= s.step < s.total for s in steps)
    assert "drawing lesion 1" in [s.message for s in steps]


def _messages(comparison: Comparison, folder: Path) -> Iterator[Progress]:
    yield from write_comparison(comparison, folder)


def test_a_second_run_replaces_the_first(small: Comparison, tmp_path: Path) -> None:
    out = tmp_path / "out"
    finish(write_comparison(small, out))
    (out / "notes.txt").write_text("mine")
    fewer = dataclasses.replace(small, results=small.results[:1])
    finish(write_comparison(fewer, out))
    assert (out / "notes.txt").read_text() == "mine"
    assert not list(out.rglob("timepoint-1*"))
    there = {p for p in snapshot(out) if p != "notes.txt"}
    assert set(json.loads((out / "provenance.json").read_text())["files"]) == there


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("at", [2, 6, 9])
def test_failing_writes_leave_nothing_half_written(
    failure: BaseException,
    at: int,
    small: Comparison,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "out"
    finish(write_comparison(small, out))
    before = snapshot(out)
    real, calls = writer._write_bytes, 0

    def failing(path: Path, content: bytes) -> None:
        nonlocal calls
        calls += 1
        if calls == at:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content[: len(content) // 2])
            raise failure
        real(path, content)

    monkeypatch.setattr(writer, "_write_bytes", failing)
    expected = OutputError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected) as caught:
        finish(write_comparison(small, out))
    assert snapshot(out) == before
    assert os.listdir(tmp_path) == ["out"]
    if expected is OutputError:
        assert "No space left on device" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_run_given_up_half_way_cleans_up(small: Comparison, tmp_path: Path) -> None:
    steps = write_comparison(small, tmp_path / "out")
    for _ in range(3):
        next(steps)
    assert os.listdir(tmp_path) != []
    steps.close()
    assert os.listdir(tmp_path) == []


def test_files_that_vanished_have_no_hash(comparison: Comparison, tmp_path: Path) -> None:
    course = comparison.course
    first = course.timepoints[0]
    role, series = next(iter(first.series.items()))
    gone = dataclasses.replace(series, files=(tmp_path / "gone.dcm",))
    changed = dataclasses.replace(first, series={**first.series, role: gone})
    case = dataclasses.replace(
        comparison,
        course=dataclasses.replace(course, timepoints=(changed, *course.timepoints[1:])),
    )
    out = finish(write_comparison(case, tmp_path / "out"))
    entries = json.loads((out / "provenance.json").read_text())["timepoints"][0]["series"]
    assert [e["sha256"] is None for e in entries] == [True, False, False]


def test_small_cases_take_well_under_three_seconds(small: Comparison, tmp_path: Path) -> None:
    finish(write_comparison(small, tmp_path / "warm"))
    start = time.process_time()
    finish(write_comparison(small, tmp_path / "out"))
    assert time.process_time() - start < 3.0
