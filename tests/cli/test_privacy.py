"""One comparison from a DICOM SEG and an RTSTRUCT, and no word in it that names a patient.

Every attribute of the study that may identify somebody (PS3.15 table E.1-1) holds a word of its
own, and so do the names of its folders; none of them may be found in anything written or printed.
"""

import contextlib
import csv
import gzip
import io
import itertools
import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset

from imgcompare.cli.main import main
from imgcompare.geometry import Geometry
from imgcompare.loading import load_course
from imgcompare.model import Role
from tests.builders import ellipsoid
from tests.cli.conftest import SAMPLE
from tests.loading.mask_builder import SegSpec, write_rtstruct, write_seg

IDENTIFYING = (
    *("PatientName", "PatientID", "PatientBirthDate", "AccessionNumber", "OtherPatientIDs"),
    *("OtherPatientNames", "PatientBirthName", "PatientMotherBirthName", "PatientAddress"),
    *("PatientTelephoneNumbers", "MilitaryRank", "BranchOfService", "CountryOfResidence"),
    *("RegionOfResidence", "MedicalRecordLocator", "ResponsiblePerson", "IssuerOfPatientID"),
    *("PatientReligiousPreference", "Occupation", "AdditionalPatientHistory", "PatientComments"),
    *("EthnicGroup", "MedicalAlerts", "Allergies", "InstitutionName", "InstitutionAddress"),
    *("InstitutionalDepartmentName", "ReferringPhysicianName", "PerformingPhysicianName"),
    *("ReferringPhysicianAddress", "ReferringPhysicianTelephoneNumbers", "PhysiciansOfRecord"),
    *("NameOfPhysiciansReadingStudy", "OperatorsName", "RequestingPhysician", "StationName"),
    *("RequestedProcedureID", "RequestedProcedureDescription", "StudyID", "StudyDescription"),
    *("ImageComments", "AdmissionID", "AdmittingDiagnosesDescription", "DeviceSerialNumber"),
    *("CurrentPatientLocation", "PerformedProcedureStepID", "PerformedProcedureStepDescription"),
    *("ScheduledPerformingPhysicianName", "ReasonForStudy", "PatientInsurancePlanCodeSequence"),
)

BIRTH = "19410213"
FORMS = {
    "PatientName": "Wagenknoth^Zwantje",
    "PatientID": "PAT-774411",
    "AccessionNumber": "ACC55221",
    "OtherPatientIDs": "OLD-998877",
    "PatientBirthDate": BIRTH,
}
"""Words that also stand in series descriptions, folder names and names of structures."""


def secret_of(number: int, keyword: str) -> str:
    return FORMS.get(keyword, f"Qx{number:02d}zqj")


SECRETS = (
    *(secret_of(n, k) for n, k in enumerate(IDENTIFYING)),
    *("Wagenknoth", "Zwantje", "1941-02-13", "13.02.1941", "PrivateQxzqj"),
)


def plant(ds: Dataset) -> None:
    """Put a word of its own into every identifying attribute."""
    for n, keyword in enumerate(IDENTIFYING):
        word = secret_of(n, keyword)
        if dictionary_VR(keyword) == "SQ":
            inner = Dataset()
            inner.CodeMeaning = word
            setattr(ds, keyword, [inner])
        else:
            setattr(ds, keyword, word)
    block = ds.private_block(0x0029, "PrivateQxzqj", create=True)
    block.add_new(0x10, "LO", "PrivateQxzqj Wagenknoth")
    if "SeriesDescription" in ds:
        ds.SeriesDescription += f" {FORMS['PatientID']} WAGENKNOTH"
        ds.ProtocolName = f"Zwantje {ds.SeriesDescription}"


def region(grid: Geometry, lesion: dict[str, Any]) -> np.ndarray[Any, Any]:
    """A ball of the lesion's true volume."""
    radius = (lesion["volumes_ml"]["whole"] * 1000 * 3 / 4 / np.pi) ** (1 / 3)
    return ellipsoid(grid, lesion["centre_lps_mm"], (radius,) * 3)


def rings(grid: Geometry, lesion: dict[str, Any]) -> list[np.ndarray[Any, Any]]:
    """The same ball, as contours on every slice."""
    radius = (lesion["volumes_ml"]["whole"] * 1000 * 3 / 4 / np.pi) ** (1 / 3)
    middle = grid.world_to_index(lesion["centre_lps_mm"])
    turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    made = []
    for k in range(grid.shape[0]):
        off = (k - middle[0]) * grid.slice_spacing_mm
        if abs(off) < radius:
            around = np.sqrt(radius**2 - off**2) / np.array(grid.spacing_mm[1:])
            circle = np.stack([np.sin(turn), np.cos(turn)], axis=1) * around + middle[1:]
            made.append(grid.index_to_world(np.insert(circle, 0, k, axis=1)))
    return made


@dataclass
class Run:
    """What one comparison was given, wrote and printed."""

    folder: Path
    output: Path
    printed: str
    drawn_ml: dict[tuple[int, int], float]


def printed_by(*arguments: object) -> str:
    """Run the command line; give everything it prints and logs."""
    stream, logs = io.StringIO(), io.StringIO()
    handler = logging.StreamHandler(logs)
    logging.getLogger().addHandler(handler)
    logging.getLogger("imgcompare").setLevel(logging.DEBUG)
    try:
        with (
            contextlib.redirect_stdout(stream),
            contextlib.redirect_stderr(stream),
            pytest.raises(SystemExit) as stop,
        ):
            main([str(a) for a in arguments])
    finally:
        logging.getLogger().removeHandler(handler)
        logging.getLogger("imgcompare").setLevel(logging.NOTSET)
    text = stream.getvalue() + logs.getvalue()
    assert not stop.value.code, text
    return text


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    top = tmp_path_factory.mktemp("privacy")
    folder = top / "Wagenknoth_Zwantje_PAT-774411"
    shutil.copytree(SAMPLE, folder)
    truth = json.loads((folder / "truth.json").read_text())
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".json":
            ds = pydicom.dcmread(path)
            plant(ds)
            ds.save_as(path)
    grids = [t.series[Role.T1C].geometry for t in load_course(folder).timepoints]
    lesions = [t["lesions"] for t in truth["timepoints"]]
    seg = folder / "Wagenknoth seg.dcm"
    names = {1: "parietal Wagenknoth", 2: "occipital"}
    balls = {n: region(grids[0], lesion) for n, lesion in enumerate(lesions[0], start=1)}
    write_seg(seg, SegSpec(grids[0], balls, names))
    structures = folder / "Wagenknoth rs.dcm"
    contours = {
        "Zwantje GTV": rings(grids[1], lesions[1][0]),
        "occipital": rings(grids[1], lesions[1][1]),
    }
    write_rtstruct(structures, contours, frame_uid=grids[1].frame_of_reference_uid)
    for path in (seg, structures):
        ds = pydicom.dcmread(path)
        plant(ds)
        ds.save_as(path)
    masks = ("--mask", f"0={seg}#1,2", "--mask", f"1={structures}#GTV,occipital")
    printed = printed_by("compare", folder, "-o", top / "out", *masks)
    drawn = {(0, n): float(b.sum()) * grids[0].voxel_volume_ml for n, b in balls.items()}
    drawn |= {(1, n): x["volumes_ml"]["whole"] for n, x in enumerate(lesions[1], start=1)}
    return Run(folder, top / "out", printed, drawn)


def test_volumes_are_those_that_were_drawn(run: Run) -> None:
    with (run.output / "measurements.csv").open() as file:
        rows = [
            r
            for r in csv.DictReader(file)
            if (r["compartment"], r["quantity"]) == ("whole", "volume")
        ]
    found = {(int(r["timepoint"]), int(r["lesion"])): float(r["value"]) for r in rows}
    assert set(found) == set(run.drawn_ml)
    for key, value in found.items():
        exact = 1e-3 if key[0] == 0 else 0.03  # a SEG counts voxels, prisms differ from a ball
        assert value == pytest.approx(run.drawn_ml[key], rel=exact)


def contents(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def test_nothing_written_names_the_patient(run: Run) -> None:
    written = [p for p in run.output.rglob("*") if p.is_file()]
    assert len(written) > 5
    for path, secret in itertools.product(written, SECRETS):
        assert secret.lower() not in str(path.relative_to(run.output)).lower()
        for encoding in ("utf-8", "utf-16-le"):
            assert secret.lower().encode(encoding) not in contents(path).lower(), (path, secret)


def test_nothing_printed_names_the_patient(run: Run) -> None:
    scanned = printed_by("scan", run.folder) + printed_by("scan", run.folder, "--json")
    for secret in SECRETS:
        assert secret.lower() not in run.printed.lower().replace(str(run.folder).lower(), "")
        assert secret.lower() not in scanned.lower()
    assert "[hidden]" in scanned


def test_errors_about_masks_name_nobody(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("Wagenknoth seg.dcm", "Wagenknoth seg.dcm#9", "Wagenknoth rs.dcm#Zwantje 1"):
        mask = f"0={run.folder / name}"
        with pytest.raises(SystemExit) as stop:
            main(["compare", str(run.folder), "-o", str(run.output), "--mask", mask])
        assert stop.value.code == 2
        message = capsys.readouterr().err
        assert "occipital" in message
        for secret in SECRETS:
            assert secret.lower() not in message.lower(), secret


def test_identified_shows_the_identifier(run: Run) -> None:
    assert FORMS["PatientID"] in printed_by("scan", run.folder, "--identified")
