"""Read a CT of 512x512x300 and an MR of 256x256x192 beside SimpleITK, dcm2niix and highdicom.

python benchmarks/reading.py [--repeats 5]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from harness import Contestant, contest, table
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid

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


def write_series(folder: Path, *, shape: tuple[int, int, int], modality: str) -> None:
    """Write an uncompressed series with file names that tell nothing."""
    rng = np.random.default_rng(0)
    sop_class = CTImageStorage if modality == "CT" else MRImageStorage
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    names = rng.permutation(shape[0])
    for n in range(shape[0]):
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = sop_class
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = generate_uid()
        ds.PatientID, ds.PatientName, ds.PatientBirthDate, ds.PatientSex = "bench", "", "", ""
        ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = study, series, frame
        ds.StudyDate, ds.StudyTime, ds.Modality = "20240110", "101500", modality
        ds.SeriesNumber, ds.InstanceNumber = 3, n + 1
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.SeriesDescription = "portal venous" if modality == "CT" else "T1 MPRAGE post Gd"
        ds.ImagePositionPatient = [-200.0, -200.0, 1.0 * n]
        ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        ds.PixelSpacing, ds.SliceThickness = [0.8, 0.8], 1.0
        ds.Rows, ds.Columns, ds.SamplesPerPixel = shape[1], shape[2], 1
        ds.PhotometricInterpretation = "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 16, 15
        ds.PixelRepresentation = 1
        if modality == "CT":
            ds.RescaleIntercept, ds.RescaleSlope = -1024, 1
        ds.PixelData = rng.integers(0, 2000, shape[1:], dtype=np.int16).tobytes()
        ds.save_as(folder / f"{names[n]:06x}", enforce_file_format=True)


def main() -> None:
    """Write both series, let the readers take turns, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peer-python", default=None, help="interpreter that has highdicom")
    arguments = parser.parse_args()
    peer = {"python": arguments.peer_python} if arguments.peer_python else {}
    for modality, shape in (("CT", (300, 512, 512)), ("MR", (192, 256, 256))):
        with tempfile.TemporaryDirectory() as folder:
            write_series(Path(folder), shape=shape, modality=modality)
            contestants = [
                Contestant("imgcompare", IMGCOMPARE.format(folder=folder)),
                Contestant("SimpleITK", SIMPLEITK.format(folder=folder)),
                Contestant("dcm2niix", DCM2NIIX.format(folder=folder)),
                Contestant("highdicom", HIGHDICOM.format(folder=folder), **peer),
            ]
            outcomes = contest(contestants, repeats=arguments.repeats)
            size = "x".join(str(n) for n in shape[::-1])
            print(table(f"{modality} {size}", outcomes, columns=("voxels", "checksum")), "\n")


if __name__ == "__main__":
    main()
