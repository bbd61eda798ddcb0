"""No name, identifier, birth date or accession number leaves the loader unless asked for."""

import io
import json
import logging
from pathlib import Path

import pytest

from imgcompare.errors import ImgCompareError
from imgcompare.loading import load_course, scan, scan_as_dict, summary_rows
from imgcompare.loading.identity import HIDDEN, Scrubber
from imgcompare.loading.instances import Patient
from tests.loading.dicom_builder import (
    ACCESSION,
    BIRTH,
    IDENTIFIER,
    NAME,
    SeriesSpec,
    write_series,
)

SECRETS = (*NAME.split("^"), IDENTIFIER, BIRTH, ACCESSION, "1955-12-31")


def messy_folder(folder: Path) -> Path:
    """Series with everything wrong, in folders and files named after the patient."""
    named = folder / f"{NAME.replace('^', '_')}_{IDENTIFIER}"
    spec = SeriesSpec(f"T1 post {NAME.split('^')[0]} {BIRTH}", skip=(3,))
    paths = write_series(named, spec)
    spec = SeriesSpec(f"T2 {ACCESSION}", number=5, study_uid="1.7")
    paths = write_series(named, spec, seed=3)
    cut = named / f"{NAME.replace('^', '_')}.dcm"
    cut.write_bytes(paths[0].read_bytes()[:300])
    gone = named / f"Mustermann {BIRTH}"
    paths[1].rename(gone)
    return folder


def assert_clean(text: str) -> None:
    for secret in SECRETS:
        assert secret.lower() not in text.lower(), secret


def test_nothing_shown_identifies_the_patient(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = messy_folder(tmp_path)
    stream = io.StringIO()
    with caplog.at_level(logging.DEBUG, logger="imgcompare"):
        result = scan(folder)
        json.dump(scan_as_dict(result), stream)
        assert_clean(stream.getvalue())
        assert_clean(repr(summary_rows(result)))
        assert_clean(repr(result))
        assert_clean(repr(load_course(folder)))
    assert_clean(caplog.text)
    assert result.problems


def test_errors_of_loading_name_no_patient(tmp_path: Path) -> None:
    folder = messy_folder(tmp_path)
    (course,) = scan(folder).courses
    every = [s for t in course.timepoints for s in (*t.series.values(), *t.others)]
    for path in {p for s in every for p in s.files}:
        path.unlink()
    for series in every:
        with pytest.raises(ImgCompareError) as caught:
            series.load()
        assert_clean(str(caught.value))


def test_ambiguous_override_names_no_patient(tmp_path: Path) -> None:
    with pytest.raises(ImgCompareError) as caught:
        scan(messy_folder(tmp_path), roles={"99": "T1"})
    assert_clean(str(caught.value))


def test_identified_shows_what_is_there(tmp_path: Path) -> None:
    result = scan(messy_folder(tmp_path), identified=True)
    assert result.courses[0].subject == IDENTIFIER
    assert "Mustermann" in json.dumps(scan_as_dict(result, identified=True))


def test_words_that_only_contain_a_name_stay() -> None:
    scrub = Scrubber([Patient("12", "Art^Li", "")])
    assert scrub("arterial phase Art 12") == f"arterial phase {HIDDEN} 12"


@pytest.mark.parametrize(
    "text",
    [
        "Müller", "MÜLLER_T1", "Mu\u0308ller.dcm", "muller2", "T1Müller", "MüllerGrete",
        "GreteMuller", "x77123y", "Müller^Grete", "GRETE 77123",
    ],
)  # fmt: skip
def test_names_as_files_and_people_write_them(text: str) -> None:
    hidden = Scrubber([Patient("77123", "Müller^Grete", "")])(text)
    assert HIDDEN in hidden
    for part in ("ller", "grete", "77123"):
        assert part not in hidden.lower()


@pytest.mark.parametrize("text", ["Müllerei", "177123", "771234", "Gret", "Gretel"])
def test_longer_words_and_numbers_stay(text: str) -> None:
    assert Scrubber([Patient("77123", "Müller^Grete", "")])(text) == text


def test_study_date_stays_where_the_birth_date_is_a_filler() -> None:
    import datetime as dt

    patient = Patient("X", "Y", "20240110")
    assert "2024-01-10" in Scrubber([patient], keep=[dt.date(2024, 1, 10)])("2024-01-10")
    assert Scrubber([patient])("2024-01-10") == HIDDEN
