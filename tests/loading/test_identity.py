"""No name, identifier, birth date or accession number leaves the loader unless asked for."""

import io
import json
import logging
from pathlib import Path

import pytest

from imgcompare.errors import ConfigurationError, ImgCompareError
from imgcompare.loading import load_course, scan, scan_as_dict, summary_rows
from imgcompare.loading.identity import HIDDEN, Scrubber
from imgcompare.loading.instances import Patient
from imgcompare.model import Role
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


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Hong^Gildong=洪^吉洞=홍^길동", "T1 홍길동 洪吉洞"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "山田太郎様 やまだ Tarou"),
        ("Wang^XiaoDong=王^小东", "王小东 xiaodong_wang"),
        ("Нечаев^Игорь", "НЕЧАЕВ T1 игорь"),
        ("Müller^Jörg", "Mueller Muller MÜLLER joerg"),
        ("Weiß^Ute", "WEISS weiß Weiss"),
        ("Meyer-Schmidt^Anna Lena", "Meyer Schmidt lena MeyerSchmidt"),
        ("O'Brien^Mary", "OBrien o'brien"),
        ("Doe^Jane", "jdoe doej Doe_Jane janedoe"),
    ],
)
def test_names_in_other_scripts_and_spellings(name: str, text: str) -> None:
    words = {w for w in text.split() if w != "T1"}
    shown = Scrubber([Patient("1", name)])(text)
    assert not words & set(shown.split()), shown
    assert Scrubber([Patient("1", "Other^Name")])(text) == text


def test_other_names_of_the_patient_are_hidden(tmp_path: Path) -> None:
    tags = {"OtherPatientNames": "Schulze^E", "PatientBirthName": "Kowalski"}
    write_series(tmp_path, SeriesSpec("T1 Schulze kowalski Schulzendorf", tags=tags))
    (course,) = scan(tmp_path).courses
    assert course.timepoints[0].series[Role.T1].description == "T1 [hidden] [hidden] Schulzendorf"


def test_names_typed_at_the_scanner_are_hidden(tmp_path: Path) -> None:
    family = NAME.split("^")[0]
    typed = ("ContrastBolusAgent", "BodyPartExamined", "ConvolutionKernel", "SoftwareVersions")
    tags = {**dict.fromkeys(typed, f"X {family.upper()}"), "ImageType": ["DERIVED", family.upper()]}
    write_series(tmp_path, SeriesSpec("T1", tags=tags))
    for timepoint in load_course(tmp_path).timepoints:
        for series in (*timepoint.series.values(), *timepoint.others):
            assert_clean(repr(series.acquisition))
            assert series.acquisition.body_part == f"X {HIDDEN}"


def test_what_a_person_typed_is_hidden_in_errors(tmp_path: Path) -> None:
    write_series(tmp_path, SeriesSpec("T1"))
    with pytest.raises(ConfigurationError) as caught:
        scan(tmp_path, roles={NAME.split("^")[0]: "T2"})
    assert_clean(str(caught.value))
