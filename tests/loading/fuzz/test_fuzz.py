"""Some damaged files of every kind, and proof that a crash, a hang or a flood is noticed."""

import io
import struct
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

from tests.loading.fuzz.cases import Case, built_samples, make_case, run_case, start
from tests.loading.fuzz.deeds import misbehave
from tests.loading.fuzz.pool import run

CASES = range(1_000_000, 1_000_150)
"""Five of each sample; ``python -m benchmarks.fuzz`` runs 20,000, also on real files."""


PIXELLESS = ("DICOMDIR", "RTSTRUCT")


def test_damaged_files_end_in_a_volume_or_a_clear_error() -> None:
    report = run(CASES, start=start)
    assert not report.findings, "\n".join(f"{f.what}\n{f.detail}" for f in report.findings)
    assert report.endings["volume"] > 20
    assert report.endings["refused"] > 20


def claim(argument: str | None) -> Callable[[int], tuple[str, Callable[[], str]]]:
    """Files of every kind whose header claims 65535 x 65535 x 10000 voxels."""
    samples = {s.name: s for s in built_samples()}
    huge = "65535 65535 10000"

    def nifti(data: bytes) -> bytes:
        return data[:40] + struct.pack("<4h", 3, 32767, 32767, 32767) + data[48:]

    def words(data: bytes) -> bytes:
        return data.replace(b"8 10 4", huge.encode())

    def dicom(data: bytes) -> bytes:
        ds = pydicom.dcmread(io.BytesIO(data))
        ds.Rows, ds.Columns, ds.NumberOfFrames = 65535, 65535, 10000
        stream = io.BytesIO()
        ds.save_as(stream)
        return stream.getvalue()

    lies = [(name, dicom) for name, s in samples.items() if s.is_dicom and name not in PIXELLESS]
    lies += [("NIfTI", nifti), ("mask NIfTI", nifti)]
    lies += [("NRRD", words), ("mask NRRD", words), ("MetaImage", words)]
    folder = Path(argument or ".")

    def make(number: int) -> tuple[str, Callable[[], str]]:
        name, lie = lies[number]
        sample = samples[name]
        data = lie(sample.files[sample.target])
        assert data != sample.files[sample.target]
        case = Case(number, sample, "claims", {sample.target: data})
        return f"{name} claims", lambda: run_case(case, folder / str(number))

    return make


def test_claims_beyond_any_memory_are_refused_before_allocation(tmp_path: Path) -> None:
    report = run(range(20), start=claim, argument=str(tmp_path))
    assert report.endings == {"refused": 20}, report.findings


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is limited on Linux only")
def test_what_none_may_do_is_found_with_its_number() -> None:
    report = run(range(5), start=misbehave, seconds=1.0)
    endings = {f.number: f.what.split(":")[0] for f in report.findings}
    assert endings == {1: "KeyError", 2: "MemoryError", 3: "crash", 4: "hang"}
    assert report.endings["refused"] == 1


def test_a_number_makes_the_same_case_again() -> None:
    names = ("RLE MR", "enhanced MR", "RTSTRUCT", "NIfTI gz", "zip")
    first, second = built_samples(*names), built_samples(*names)
    for number in range(2 * len(first)):
        one, other = make_case(number, first), make_case(number, second)
        assert one.files == other.files
        assert str(one) == str(other)
