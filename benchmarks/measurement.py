"""Measure a lesion of 1e5 and 1e6 voxels beside pyradiomics, SimpleITK and scikit-image.

python benchmarks/measurement.py [--repeats 5] [--peer-python PYTHON_WITH_PYRADIOMICS]

The lesion is an ellipsoid turned within the slice, so the true volume and diameters are known.
Each row says what was computed: diameters alone, or all figures of a lesion.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from harness import Contestant, contest, table

LOAD = """
import numpy as np
def best(job, runs=5):
    result, seconds = None, []
    for _ in range(runs + 1):
        start = time.perf_counter()
        result = job()
        seconds.append(time.perf_counter() - start)
    return result, sorted(seconds[1:])[runs // 2], seconds[0]
"""

IMGCOMPARE_DIAMETERS = (
    LOAD
    + """
from imgcompare.geometry import Geometry
from imgcompare.measurement.diameters import outline_field, planar_diameters
fraction = np.load({folder!r} + "/fraction.npy").astype(np.float32) {binary}
geometry = Geometry(fraction.shape, np.eye(4)[[2, 1, 0, 3]])
job = lambda: planar_diameters(outline_field(fraction), geometry)
found, seconds, first = best(job)
report(seconds=seconds, first=first, longest=found.longest.length_mm,
       across=found.perpendicular.length_mm)
"""
)

IMGCOMPARE_ALL = (
    LOAD
    + """
from imgcompare.geometry import Geometry
from imgcompare.measurement import measure_lesion
from imgcompare.model import *
fraction = np.load({folder!r} + "/fraction.npy")
geometry = Geometry(fraction.shape, np.eye(4)[[2, 1, 0, 3]])
labels = LabelMap((fraction >= 0.5).astype(np.uint8), geometry)
segmentation = LesionSegmentation(labels, {{Tissue.ENHANCING: fraction}})
image = Volume(80 * fraction + np.random.default_rng(0).normal(0, 5, fraction.shape), geometry,
               Quantity.HU)
same = Transform.identity()
aligned = AlignedTimepoint(Timepoint(0, None, (), {{}}), Role.CT, {{Role.CT: image}},
                           {{Role.CT: same}}, same)
job = lambda: measure_lesion(segmentation, aligned, lesion=Lesion(1, "1.2"))
found, seconds, first = best(job)
table = {{(m.compartment, m.quantity): m.value for m in found}}
report(seconds=seconds, first=first, volume=table["whole", "volume"],
       longest=table["whole", "longest_diameter"], across=table["whole", "perpendicular_diameter"],
       any=table["whole", "diameter_3d"])
"""
)

PYRADIOMICS = (
    LOAD
    + """
import logging
import SimpleITK as sitk
from radiomics import setVerbosity, shape
setVerbosity(logging.CRITICAL)
mask = sitk.ReadImage({folder!r} + "/mask.nrrd")
def job():
    extractor = shape.RadiomicsShape(sitk.Cast(mask, sitk.sitkFloat32), mask)
    for name in ("MeshVolume", "VoxelVolume", "Maximum2DDiameterSlice", "Maximum3DDiameter"):
        extractor.enableFeatureByName(name)
    return extractor.execute()
found, seconds, first = best(job, runs=1)
report(seconds=seconds, first=first, volume=float(found["VoxelVolume"]) / 1000,
       longest=float(found["Maximum2DDiameterSlice"]), any=float(found["Maximum3DDiameter"]))
"""
)

SIMPLEITK = (
    LOAD
    + """
import SimpleITK as sitk
mask = sitk.ReadImage({folder!r} + "/mask.nrrd")
def job():
    statistics = sitk.LabelShapeStatisticsImageFilter()
    statistics.ComputeFeretDiameterOn()
    statistics.Execute(mask)
    return statistics
found, seconds, first = best(job, runs=1)
report(seconds=seconds, first=first, volume=found.GetPhysicalSize(1) / 1000,
       any=found.GetFeretDiameter(1))
"""
)

SKIMAGE = (
    LOAD
    + """
from skimage.measure import regionprops
mask = np.load({folder!r} + "/fraction.npy") >= 0.5
job = lambda: max(regionprops(s.astype(np.uint8))[0].feret_diameter_max for s in mask if s.any())
found, seconds, first = best(job, runs=1)
report(seconds=seconds, first=first, longest=found)
"""
)


def turned_ellipsoid(radii_mm: tuple[float, float, float]) -> npt.NDArray[np.float32]:
    """Part of each 1 mm voxel inside an ellipsoid turned by 33 degrees within the slice."""
    size = [int(2 * max(radii_mm[:2])) + 8] * 2
    shape = (int(2 * radii_mm[2]) + 8, *size)
    angle = np.radians(33.0)
    total = np.zeros(shape, np.float32)
    offsets = (np.arange(3) + 0.5) / 3 - 0.5
    middle = (np.array(shape) - 1) / 2 + (0.2, -0.3, 0.1)
    for dz, dy, dx in np.stack(np.meshgrid(offsets, offsets, offsets), -1).reshape(-1, 3):
        z = np.arange(shape[0])[:, None, None] + dz - middle[0]
        y = np.arange(shape[1])[:, None] + dy - middle[1]
        x = np.arange(shape[2]) + dx - middle[2]
        along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        inside = (along / radii_mm[0]) ** 2 + (across / radii_mm[1]) ** 2 + (z / radii_mm[2]) ** 2
        total += inside <= 1.0
    return total / np.float32(27)


def main() -> None:
    """Write the lesions, let the contestants take turns, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peer-python", default=None, help="interpreter that has pyradiomics")
    arguments = parser.parse_args()
    peer = {"python": arguments.peer_python} if arguments.peer_python else {}
    for name, radii in (("1e5", (33.0, 27.0, 27.0)), ("1e6", (70.0, 58.0, 58.0))):
        with tempfile.TemporaryDirectory() as folder:
            fraction = turned_ellipsoid(radii)
            np.save(Path(folder) / "fraction.npy", fraction)
            mask = sitk.GetImageFromArray((fraction >= 0.5).astype(np.uint8))
            sitk.WriteImage(mask, str(Path(folder) / "mask.nrrd"))
            soft = IMGCOMPARE_DIAMETERS.format(folder=folder, binary="")
            hard = IMGCOMPARE_DIAMETERS.format(folder=folder, binary=">= 0.5")
            contestants = [
                Contestant("imgcompare in-plane, fractions", soft),
                Contestant("imgcompare in-plane, mask", hard),
                Contestant("imgcompare all figures", IMGCOMPARE_ALL.format(folder=folder)),
                Contestant("pyradiomics shape", PYRADIOMICS.format(folder=folder), **peer),
                Contestant("SimpleITK label shape, Feret", SIMPLEITK.format(folder=folder)),
                Contestant("scikit-image Feret per slice", SKIMAGE.format(folder=folder)),
            ]
            outcomes = contest(contestants, repeats=arguments.repeats)
            volume = 4.0 / 3.0 * np.pi * np.prod(radii) / 1000.0
            truth = f"truth: {volume:.2f} mL, {2 * radii[0]} mm, {2 * radii[1]} mm across"
            columns = ("first", "volume", "longest", "across", "any")
            print(table(f"{name} voxels; {truth}", outcomes, columns=columns), "\n")


if __name__ == "__main__":
    main()
