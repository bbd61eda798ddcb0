import dataclasses
import hashlib
import json
import re
from pathlib import Path

import imgcompare
from imgcompare.model import TISSUE_CODES, Comparison
from imgcompare.reporting.provenance import path_scrubber, provenance_document, series_digest


def document(written: Path) -> dict:
    return json.loads((written / "provenance.json").read_text("utf-8"))


def test_series_are_named_by_uid_role_and_hash(comparison: Comparison, written: Path) -> None:
    series = document(written)["timepoints"][1]["series"]
    assert {s["role"] for s in series} == {"T1", "T1C", "FLAIR"}
    given = comparison.course.timepoints[1].series
    for entry in series:
        own = next(s for r, s in given.items() if r.value == entry["role"])
        assert entry["uid"] == own.uid
        assert entry["role_reason"] == own.role_reason
        assert entry["files"] == 1
        once = hashlib.sha256(own.files[0].read_bytes()).digest()
        assert entry["sha256"] == hashlib.sha256(once).hexdigest()


def test_hash_ignores_names_and_order_but_not_bytes(tmp_path: Path) -> None:
    a, b, c = (tmp_path / n for n in "abc")
    a.write_bytes(b"1")
    b.write_bytes(b"2")
    c.write_bytes(b"3")
    assert series_digest([a, b]) == series_digest([b, a])
    assert series_digest([a, b]) != series_digest([a, c])
    assert series_digest([a, tmp_path / "gone"]) is None
    assert series_digest([]) is None


def test_versions_transforms_decisions_and_timings(written: Path) -> None:
    found = document(written)
    assert found["versions"]["imgcompare"] == imgcompare.__version__
    assert {"python", "numpy", "SimpleITK", "platform"} <= set(found["versions"])
    assert [t["maps"] for t in found["transforms"]].count("T1C to baseline") == 2
    last = found["transforms"][-1]
    assert last["quality"]["nmi_after"] == 1.204
    assert last["quality"]["succeeded"] is True
    assert {d["stage"] for d in found["decisions"]} >= {"loading", "segmentation"}
    assert found["timings_s"]["registration"] == 3.94
    assert found["tissue_codes"] == {t.value: c for t, c in TISSUE_CODES.items()}
    assert len(found["warnings"]) == 2


def test_the_list_of_files_is_complete(written: Path) -> None:
    there = sorted(p.relative_to(written).as_posix() for p in written.rglob("*") if p.is_file())
    assert document(written)["files"] == there


def test_no_file_names_a_folder_or_the_patient(written: Path, input_folder: Path) -> None:
    """The input lies in a folder named after the patient."""
    texts = {p.name: p.read_text("utf-8") for p in written.rglob("*.*") if p.suffix != ".gz"}
    assert {"report.html", "provenance.json", "measurements.csv"} <= set(texts)
    for name, whole in texts.items():
        text = re.sub(r"base64,[^\"]+", "", whole)  # pixels may spell anything
        for secret in ("DOE", "JOHN", str(input_folder), str(written), str(Path.home()) + "/"):
            assert secret not in text, (name, secret)
        assert ("subject-7f3a" in text) == (
            not name.endswith((".tfm", "codes.csv", "responses.csv"))
        )


def test_folders_are_cut_out_of_any_text(comparison: Comparison, input_folder: Path) -> None:
    scrub = path_scrubber(comparison)
    folder = input_folder / "DOE^JOHN"
    assert scrub(f"{folder}/0T1.dcm is truncated") == "0T1.dcm is truncated"
    assert scrub("0=/data/DOE JOHN/mask.nii.gz") == "0=mask.nii.gz"
    assert scrub("read C:\\scans\\DOE\\mask.nii") == "read mask.nii"
    assert scrub("T1/T1C at 5 mm/day and 1/2") == "T1/T1C at 5 mm/day and 1/2"
    assert str(folder) not in scrub(f"in {folder}")


def test_configuration_of_any_kind_becomes_json(comparison: Comparison) -> None:
    odd = {"path": Path("/x/DOE/m.nii"), "set": {1}, "nan": float("nan"), "none": None, "o": object}
    changed = dataclasses.replace(comparison, configuration=odd)
    found = provenance_document(changed, {}, [])["configuration"]
    assert found["path"] == "m.nii"
    assert found["set"] == [1]
    assert found["nan"] is None
    json.dumps(found, allow_nan=False)
