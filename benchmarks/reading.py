"""Read series, plain and compressed, and scan folders, beside SimpleITK, dcm2niix and pydicom.

python benchmarks/reading.py [--repeats 5] [plain] [compressed] [scanning]

Plain: a CT of 512x512x300 and an MR of 256x256x192. Compressed: a CT of 512x512x100 in each
transfer syntax that hospitals use. Scanning: 5,000 files of each of several kinds.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from harness import Contestant, contest, table
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
    RLELossless,
    generate_uid,
)

_JPEG = "1.2.840.10008.1.2.4."
COMPRESSIONS: dict[str, tuple[str, Callable[[Any], bytes] | None]] = {
    "RLE": (RLELossless, None),
    "JPEG lossless": (
        f"{_JPEG}70",
        lambda p: imagecodecs.jpeg8_encode(p, lossless=True, predictor=1, bitspersample=16),
    ),
    "JPEG-LS": (f"{_JPEG}80", imagecodecs.jpegls_encode),
    "JPEG 2000": (
        f"{_JPEG}90",
        lambda p: imagecodecs.jpeg2k_encode(p, codecformat="j2k", level=0),
    ),
    "HTJ2K": (f"{_JPEG}201", imagecodecs.htj2k_encode),
}
"""Transfer syntax and encoder; None leaves encoding to pydicom."""

SCANNED_FILES = 5000

IMGCOMPARE = """
start = time.perf_counter()
from imgcompare.loading import load_course
imported = time.perf_counter()
course = load_course([{folder!r}])
timepoint = course.timepoints[0]
series = next(iter([*timepoint.series.values(), *timepoint.others]))
volume = series.load()
done = time.perf_counter()
array = volume.array
report(seconds=done - imported, voxels=array.size, checksum=float(array.sum(dtype="f8")))
"""

SIMPLEITK = """
import SimpleITK as sitk
start = time.perf_counter()
reader = sitk.ImageSeriesReader()
reader.SetFileNames(reader.GetGDCMSeriesFileNames({folder!r}))
image = reader.Execute()
seconds = time.perf_counter() - start
array = sitk.GetArrayViewFromImage(image)
report(seconds=seconds, voxels=array.size, checksum=float(array.sum(dtype="f8")))
"""

SCAN = """
from imgcompare.loading import scan
start = time.perf_counter()
result = scan({folder!r})
seconds = time.perf_counter() - start
found = [s for c in result.courses for t in c.timepoints for s in (*t.series.values(), *t.others)]
report(seconds=seconds, files=sum(len(s.files) for s in found))
"""

PYDICOM_SCAN = """
import os, warnings
import pydicom
warnings.simplefilter("ignore")
start = time.perf_counter()
names = [entry.path for entry in os.scandir({folder!r})]
found = [pydicom.dcmread(name, stop_before_pixels=True) for name in names]
report(seconds=time.perf_counter() - start, files=len(found))
"""

DCM2NIIX = """
import subprocess, tempfile
with tempfile.TemporaryDirectory() as out:
    start = time.perf_counter()
    command = ["dcm2niix", "-z", "n", "-b", "n", "-o", out, {folder!r}]
    subprocess.run(command, check=True, capture_output=True)
    report(seconds=time.perf_counter() - start)
"""

HIGHDICOM = """
import glob, warnings
warnings.simplefilter("ignore")
import highdicom as hd, pydicom
start = time.perf_counter()
datasets = [pydicom.dcmread(f) for f in glob.glob({folder!r} + "/*")]
volume = hd.get_volume_from_series(datasets)
seconds = time.perf_counter() - start
report(seconds=seconds, voxels=volume.array.size, checksum=float(volume.array.sum(dtype="f8")))
"""


def make_slice(
    n: int, modality: str, shape: tuple[int, int], uids: tuple[str, str, str]
) -> Dataset:
    """Make slice ``n`` of a series without pixels."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = CTImageStorage if modality == "CT" else MRImageStorage
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = generate_uid()
    ds.PatientID, ds.PatientName, ds.PatientBirthDate, ds.PatientSex = "bench", "", "", ""
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = uids
    ds.StudyDate, ds.StudyTime, ds.Modality = "20240110", "101500", modality
    ds.SeriesNumber, ds.InstanceNumber = 3, n + 1
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.SeriesDescription = "portal venous" if modality == "CT" else "T1 MPRAGE post Gd"
    ds.ImagePositionPatient = [-200.0, -200.0, 1.0 * n]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing, ds.SliceThickness = [0.8, 0.8], 1.0
    ds.Rows, ds.Columns = shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 16, 15
    ds.PixelRepresentation = 1
    if modality == "CT":
        ds.RescaleIntercept, ds.RescaleSlope = -1024, 1
    return ds


def write_series(folder: Path, *, shape: tuple[int, int, int], modality: str) -> None:
    """Write an uncompressed series with file names that tell nothing."""
    rng = np.random.default_rng(0)
    uids = generate_uid(), generate_uid(), generate_uid()
    names = rng.permutation(shape[0])
    for n in range(shape[0]):
        ds = make_slice(n, modality, shape[1:], uids)
        ds.PixelData = rng.integers(0, 2000, shape[1:], dtype=np.int16).tobytes()
        ds.save_as(folder / f"{names[n]:06x}", enforce_file_format=True)


def write_compressed(folder: Path, name: str, *, shape: tuple[int, int, int]) -> None:
    """Write a smooth body with noise, as CT is, in a compressed transfer syntax."""
    syntax, encode = COMPRESSIONS[name]
    rng = np.random.default_rng(0)
    uids = generate_uid(), generate_uid(), generate_uid()
    y, x = np.mgrid[: shape[1], : shape[2]]
    for n in range(shape[0]):
        body = 1000 + 300 * np.sin(x / 40 + n / 20) + 200 * np.cos(y / 30)
        air = np.hypot(x - shape[2] / 2, y - shape[1] / 2) > 0.45 * shape[1]
        plane = np.where(air, 0, body + rng.normal(0, 15, shape[1:])).astype(np.uint16)
        ds = make_slice(n, "CT", shape[1:], uids)
        ds.PixelRepresentation = 0
        ds.PixelData = plane.tobytes()
        if encode is None:
            ds.compress(syntax)
        else:
            ds.file_meta.TransferSyntaxUID = syntax
            ds.PixelData = encapsulate([bytes(encode(plane))])
            ds["PixelData"].is_undefined_length = True
        ds.save_as(folder / f"{n:06x}", enforce_file_format=True)


def _with_private(ds: Dataset, n: int) -> None:
    block = ds.private_block(0x0019, "BENCH", create=True)
    for element in range(100):
        block.add_new(element, "DS", f"{element * 0.37 + n:.2f}")


def _with_long_header(ds: Dataset, n: int) -> None:
    ds.private_block(0x0029, "BENCH", create=True).add_new(0x10, "OB", bytes(60_000 + 2 * n % 500))


def _with_sequences(ds: Dataset, n: int) -> None:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "T-D1100", "SRT", "Head"
    outer = Dataset()
    outer.ReferencedSOPInstanceUID = f"1.2.3.{n}"
    outer.PurposeOfReferenceCodeSequence = [code]
    ds.ReferencedImageSequence = [outer] * 3
    ds["ReferencedImageSequence"].is_undefined_length = True


KINDS: dict[str, tuple[str, str, Callable[[Dataset, int], None] | None]] = {
    "CT, few elements": ("CT", ExplicitVRLittleEndian, None),
    "CT, implicit": ("CT", ImplicitVRLittleEndian, None),
    "MR, 100 private elements": ("MR", ExplicitVRLittleEndian, _with_private),
    "MR, private header of 60 kB": ("MR", ExplicitVRLittleEndian, _with_long_header),
    "MR, nested sequences": ("MR", ExplicitVRLittleEndian, _with_sequences),
    "CT, big-endian": ("CT", ExplicitVRBigEndian, None),
    "CT, deflated": ("CT", DeflatedExplicitVRLittleEndian, None),
}
"""Modality, transfer syntax, and what is added to each header."""


def write_kind(folder: Path, name: str, *, count: int) -> None:
    """Write files with small pixels, since scanning reads none.

    Those of deflated files are larger: pydicom has to unpack them, as it has to in real files.
    """
    modality, syntax, add = KINDS[name]
    per_series = 250
    side = 128 if syntax == DeflatedExplicitVRLittleEndian else 32
    rng = np.random.default_rng(0)
    for n in range(count):
        if n % per_series == 0:
            uids = generate_uid(), generate_uid(), generate_uid()
        ds = make_slice(n % per_series, modality, (side, side), uids)
        ds.file_meta.TransferSyntaxUID = syntax
        if add is not None:
            add(ds, n)
        kind = ">i2" if syntax == ExplicitVRBigEndian else "<i2"
        ds.PixelData = rng.integers(0, 2000, (side, side)).astype(kind).tobytes()
        ds.save_as(folder / f"{n:06x}", enforce_file_format=True)


def plain(repeats: int, peer: dict[str, str]) -> None:
    """Let readers take turns on uncompressed series."""
    for modality, shape in (("CT", (300, 512, 512)), ("MR", (192, 256, 256))):
        with tempfile.TemporaryDirectory() as folder:
            write_series(Path(folder), shape=shape, modality=modality)
            contestants = [
                Contestant("imgcompare", IMGCOMPARE.format(folder=folder)),
                Contestant("SimpleITK", SIMPLEITK.format(folder=folder)),
                Contestant("dcm2niix", DCM2NIIX.format(folder=folder)),
                Contestant("highdicom", HIGHDICOM.format(folder=folder), **peer),
            ]
            outcomes = contest(contestants, repeats=repeats)
            size = "x".join(str(n) for n in shape[::-1])
            print(table(f"{modality} {size}", outcomes, columns=("voxels", "checksum")), "\n")


def compressed(repeats: int) -> None:
    """Let readers take turns on compressed series."""
    shape = (100, 512, 512)
    for name in COMPRESSIONS:
        with tempfile.TemporaryDirectory() as folder:
            write_compressed(Path(folder), name, shape=shape)
            contestants = [
                Contestant("imgcompare", IMGCOMPARE.format(folder=folder)),
                Contestant("SimpleITK", SIMPLEITK.format(folder=folder)),
            ]
            outcomes = contest(contestants, repeats=repeats)
            print(table(f"CT 512x512x100, {name}", outcomes, columns=("voxels", "checksum")), "\n")


def scanning(repeats: int, count: int) -> None:
    """Let scanners take turns on folders of headers."""
    for name in KINDS:
        with tempfile.TemporaryDirectory() as folder:
            write_kind(Path(folder), name, count=count)
            contestants = [
                Contestant("imgcompare scan", SCAN.format(folder=folder)),
                Contestant("pydicom loop", PYDICOM_SCAN.format(folder=folder)),
            ]
            outcomes = contest(contestants, repeats=repeats)
            print(table(f"{count:,} files: {name}", outcomes, columns=("files",)), "\n")


def main() -> None:
    """Write series, let the readers take turns, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=("plain", "compressed", "scanning", []))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--files", type=int, default=SCANNED_FILES)
    parser.add_argument("--peer-python", default=None, help="interpreter that has highdicom")
    arguments = parser.parse_args()
    peer = {"python": arguments.peer_python} if arguments.peer_python else {}
    parts = arguments.parts or ("plain", "compressed", "scanning")
    if "plain" in parts:
        plain(arguments.repeats, peer)
    if "compressed" in parts:
        compressed(arguments.repeats)
    if "scanning" in parts:
        scanning(arguments.repeats, arguments.files)


if __name__ == "__main__":
    main()
