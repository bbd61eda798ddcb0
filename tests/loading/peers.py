"""Reads series with dcm2niix, SimpleITK and highdicom, and says how they differ from a volume."""

from __future__ import annotations

import importlib.util
import itertools
import os
import shutil
import subprocess
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pydicom

from imgcompare.geometry import Geometry, from_nifti_affine, from_sitk
from imgcompare.model import Series, Volume

TIMEOUT_S: Final = 120

POSITION_TOLERANCE_MM: Final = 0.02
"""NIfTI stores affines in single precision, ITK makes direction cosines perpendicular."""

VALUE_TOLERANCE: Final = 2e-6
"""Part of the largest value that single precision loses."""


class PeerError(Exception):
    """A peer gives no volume; the message says how it failed."""


def dcm2niix(folder: Path) -> list[Volume]:
    """Convert a folder to NIfTI; every time point is a volume."""
    import nibabel

    with tempfile.TemporaryDirectory() as out:
        single = "y" if folder.is_file() else "n"
        command = ["dcm2niix", "-z", "n", "-b", "n", "-s", single, "-f", "%s_%r", "-o", out]
        command.append(str(folder))
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired:
            raise PeerError("does not end") from None
        volumes = []
        for file in sorted(Path(out).glob("*.nii")):
            image: Any = nibabel.load(file)
            try:
                data = np.asarray(image.dataobj)
            except (OSError, ValueError):
                raise PeerError("writes a file that cannot be read") from None
            if data.dtype.names:
                raise PeerError("gives a colour image")
            data = data.reshape((*data.shape[:3], -1)) if data.ndim > 2 else data[..., None, None]
            for n in range(data.shape[3]):
                grid = from_nifti_affine(image.affine, data.shape[:3])
                volumes.append(Volume(np.ascontiguousarray(data[..., n].T), grid))
    if volumes:
        return volumes
    said = [line for line in (done.stdout + done.stderr).splitlines() if "rror" in line]
    raise PeerError(f"gives nothing{': ' + said[-1][:80] if said else ''}")


def simpleitk(folder: Path) -> list[Volume]:
    """Read every series of every folder with the ImageSeriesReader."""
    import SimpleITK as sitk

    sitk.ProcessObject.GlobalWarningDisplayOff()
    volumes = []
    reader = sitk.ImageSeriesReader()
    for place in _folders(folder):
        try:
            several = [] if folder.is_file() else reader.GetGDCMSeriesIDs(str(place))
        except RuntimeError as error:
            raise PeerError(f"fails: {_last_clause(str(error).strip().splitlines()[-1])}") from None
        lists = [reader.GetGDCMSeriesFileNames(str(place), uid) for uid in several]
        for names in lists or [[str(folder)]] * folder.is_file():
            reader.SetFileNames(names)
            try:
                image = reader.Execute()
            except RuntimeError as error:
                reason = str(error).strip().splitlines()[-1]
                raise PeerError(f"fails: {_last_clause(reason)}") from None
            if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
                raise PeerError("gives no 3-D image of one value per voxel")
            volumes.append(Volume(sitk.GetArrayFromImage(image), from_sitk(image)))
    if not volumes:
        raise PeerError("finds no series")
    return volumes


def highdicom(folder: Path) -> list[Volume]:
    """Read every series as a volume of highdicom."""
    import highdicom as hd

    volumes = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        series: dict[str, list[Path]] = defaultdict(list)
        for path in _files(folder):
            try:
                dataset = pydicom.dcmread(path, stop_before_pixels=True)
            except Exception as error:  # whatever it raises is its answer
                raise PeerError(f"fails: {_last_clause(str(error))}") from None
            series[str(dataset.get("SeriesInstanceUID"))].append(path)
        for paths in series.values():
            try:
                datasets = [pydicom.dcmread(path) for path in paths]
                if "NumberOfFrames" in datasets[0]:
                    found = [hd.Image.from_dataset(d).get_volume() for d in datasets]
                else:
                    found = [hd.get_volume_from_series(datasets)]
            except Exception as error:  # whatever it raises is its answer
                raise PeerError(f"fails: {_last_clause(str(error))}") from None
            for volume in found:
                if volume.array.ndim != 3:
                    raise PeerError("gives a colour image")
                grid = Geometry(volume.spatial_shape, np.asarray(volume.affine))
                volumes.append(Volume(np.asarray(volume.array), grid))
    return volumes


PEERS: Final[dict[str, Callable[[Path], list[Volume]]]] = {
    "dcm2niix": dcm2niix,
    "SimpleITK": simpleitk,
    "highdicom": highdicom,
}


def absence(peer: str) -> str:
    """Say why a peer cannot be asked here; empty if it can."""
    if peer == "dcm2niix":
        return "" if shutil.which(peer) else "dcm2niix is not installed"
    return "" if importlib.util.find_spec(peer) else f"{peer} is not installed"


def _folders(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root.parent
    for folder, _, files in os.walk(root):
        if files:
            yield Path(folder)


def _files(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root
    for folder in _folders(root):
        for path in sorted(folder.iterdir()):
            if path.is_file():
                with path.open("rb") as file:
                    if file.read(132)[128:] == b"DICM":
                        yield path


def _last_clause(message: str) -> str:
    return message.strip().splitlines()[0].split("ERROR: ")[-1][:90].rstrip(". ") or "no message"


SAME: Final = "same"


def verdict(ours: Sequence[Series], theirs: Sequence[Volume]) -> str:
    """Say how a peer's volumes differ from ours: `SAME`, perhaps with a remark, or a difference.

    Each of our volumes is compared with the most similar one of the peer; a peer that gives other
    values is compared with our alternative readings, e.g. stored ones, too.
    """
    loadable = [s for s in ours if not s.refusal]
    if not loadable:
        return f"gives {_count(theirs)} where we refuse"
    remarks: set[str] = set()
    left = list(theirs)
    for series in loadable:
        if not left:
            return f"gives {_count(theirs)}, we {len(loadable)}"
        best = min((_difference(series, v) for v in left), key=lambda found: found[0])
        if best[0] == 0:
            left = [v for v in left if v is not best[2]]
            remarks |= {best[1]} - {""}
        elif len(theirs) != len(loadable):
            return f"gives {_count(theirs)}, we {len(loadable)}; {best[1]}"
        else:
            return str(best[1])
    if left:
        return f"gives {_count(theirs)}, we {len(loadable)}"
    return SAME + (f" ({', '.join(sorted(remarks))})" if remarks else "")


def _count(volumes: Sequence[Volume]) -> str:
    shapes = sorted({"×".join(map(str, v.array.shape)) for v in volumes})
    return f"{len(volumes)} volume{'s' * (len(volumes) != 1)} of {' and '.join(shapes)}"


def _difference(series: Series, theirs: Volume) -> tuple[int, str, Volume]:
    """Give how bad a difference is (0: none), what it is, and the volume."""
    ours = series.load()
    aligned, problem = in_our_order(ours.geometry, theirs)
    if aligned is None:
        return 3, problem, theirs
    off = float(np.abs(aligned.astype(np.float64) - ours.array).max())
    if _equal(ours, aligned):
        return 0, "", theirs
    for name in series.alternatives:
        if _equal(series.load(name), aligned):
            return 0, f"{name} values", theirs
    return 2, f"other values, by up to {off:.4g}", theirs


def _equal(ours: Volume, theirs: np.ndarray[Any, Any]) -> bool:
    scale = max(1.0, float(np.abs(ours.array).max()))
    off = np.abs(theirs.astype(np.float64) - ours.array).max()
    return bool(off <= VALUE_TOLERANCE * scale)


def in_our_order(grid: Geometry, theirs: Volume) -> tuple[np.ndarray[Any, Any] | None, str]:
    """Turn and flip a peer's array onto our grid; or say why it lies elsewhere."""
    other = theirs.geometry
    base = other.world_to_index(grid.origin_mm)
    steps = other.world_to_index(grid.index_to_world(np.eye(3))) - base
    axes = [int(np.argmax(np.abs(step))) for step in steps]
    if sorted(axes) != [0, 1, 2]:
        return None, "other directions"
    array = theirs.array.transpose(axes)
    if array.shape != grid.shape:
        return None, f"gives {'×'.join(map(str, theirs.array.shape))} voxels"
    flipped = [bool(steps[n][axis] < 0) for n, axis in enumerate(axes)]
    array = array[tuple(slice(None, None, -1 if flip else 1) for flip in flipped)]
    shift = 0.0
    for corner in itertools.product(*[(0, n - 1) for n in grid.shape]):
        index = np.empty(3)
        for n, axis in enumerate(axes):
            index[axis] = grid.shape[n] - 1 - corner[n] if flipped[n] else corner[n]
        moved = other.index_to_world(index) - grid.index_to_world(corner)
        shift = max(shift, float(np.linalg.norm(moved)))
    if shift > POSITION_TOLERANCE_MM:
        return None, f"voxels lie up to {shift:.3g} mm elsewhere"
    return array, ""


def in_place(ours: Sequence[Series], folder: Path) -> str:
    """Compare with pydicom, plane by plane: `SAME` if each lies where its header places it.

    Knows classic planes, and the frames of enhanced files; not compression.
    """
    wanted = [plane for path in _files(folder) for plane in _planes(pydicom.dcmread(path))]
    found = 0
    for series in ours:
        volume = series.load("rescaled")
        grid = volume.geometry
        for k, plane in enumerate(volume.array):
            corners = [grid.index_to_world((k, *c)) for c in ((0, 0), (0, 1), (1, 0))]
            fits = [
                pixels
                for pixels, places in wanted
                if pixels.shape == plane.shape
                and np.abs(np.array(corners) - places).max() < POSITION_TOLERANCE_MM
            ]
            scale = VALUE_TOLERANCE * max(1.0, float(np.abs(plane).max()))
            if not any(np.abs(plane - pixels).max() <= scale for pixels in fits):
                return f"slice {k} of {series.description!r} is not where its header says"
            found += 1
    return SAME if found == len(wanted) else f"{len(wanted)} planes, of which {found} were used"


def _group(whole: pydicom.Dataset, shared: Any, own: Any, name: str) -> Any:
    """First item of a functional group, the frame's own or shared; else the whole file."""
    found = own.get(name) or shared.get(name)
    return found[0] if found else whole


def _planes(dataset: pydicom.Dataset) -> Iterator[tuple[np.ndarray[Any, Any], Any]]:
    """Give real values of each plane, and the places of its first voxel and two neighbours."""
    stored = dataset.pixel_array.astype(np.float64)
    frames = [(stored, dataset, dataset, dataset, dataset)]
    if "PerFrameFunctionalGroupsSequence" in dataset:
        shared = dataset.SharedFunctionalGroupsSequence[0]
        names = ("PixelValueTransformation", "PlanePosition", "PlaneOrientation", "PixelMeasures")
        frames = [
            (plane, *(_group(dataset, shared, own, f"{n}Sequence") for n in names))
            for plane, own in zip(stored, dataset.PerFrameFunctionalGroupsSequence, strict=True)
        ]
    for plane, scale, position, orientation, measures in frames:
        first = np.array(position.ImagePositionPatient, float)
        cosines = np.array(orientation.ImageOrientationPatient, float)
        down, across = (float(s) for s in measures.PixelSpacing)
        places = np.array([first, first + cosines[:3] * across, first + cosines[3:] * down])
        slope = float(scale.get("RescaleSlope", 1))
        yield plane * slope + float(scale.get("RescaleIntercept", 0)), places
