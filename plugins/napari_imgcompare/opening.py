"""What a dropped path holds, and the layers of what is chosen from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from imgcompare.errors import InputError, UnreadableFileError
from imgcompare.geometry import AnyArray, from_sitk
from imgcompare.loading import scan
from imgcompare.model import TISSUE_CODES, Course, LabelMap, Quantity, Series, Timepoint, Volume
from napari_imgcompare.layers import LayerData, image_layer, labels_layer, stack_layer
from napari_imgcompare.windows import window_tags

IMAGE_ENDINGS = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")

LEVELS_UP = 2
"""Some archives spread a series over folders: it is looked for this many levels above a file."""

MOST_LABELS = 32
"""An image of whole numbers below 256 with no more different ones than this holds labels."""

FEW = 4
"""Up to so many series open at once; of more a person chooses."""

TISSUE_MAP_ENDING = "_tissues.nii.gz"


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """One thing that can be opened: the series of one name, several when they are phases.

    Attributes
    ----------
    course, timepoint : Course, Timepoint
        Where it belongs.
    series : tuple of Series
        More than one for the steps of a 4-D acquisition, in order.
    preferred : bool
        Whether it fills a role in a comparison, and so is ticked to begin with.
    """

    course: Course
    timepoint: Timepoint
    series: tuple[Series, ...]
    preferred: bool

    @property
    def title(self) -> str:
        """One line for a list: visit, role, description, size."""
        first = self.series[0]
        steps = f", {len(self.series)} phases" if len(self.series) > 1 else ""
        words = (self.timepoint.name, str(first.role), first.description)
        grid = first.geometry
        size = " × ".join(map(str, grid.shape))
        step = " × ".join(f"{s:.3g}" for s in grid.spacing_mm)
        return " · ".join((*(w for w in words if w), f"{size} voxels of {step} mm{steps}"))


Chooser = Callable[[Sequence[Offer]], Sequence[Offer]]
"""Asks a person which series to open."""


def offers(paths: Sequence[Path]) -> tuple[Offer, ...]:
    """List what folders or files hold, in order of subject, visit and role.

    A single file of a DICOM series stands for its whole series.

    Raises
    ------
    InputError
        If nothing in it can be shown.
    """
    wanted = {p.resolve() for p in paths if p.is_file()}
    places = list(dict.fromkeys(p if p.is_dir() else p.parent for p in paths))
    for _ in range(LEVELS_UP + 1):
        found = scan(places)
        listed = _listed(found.courses, wanted)
        if listed or not wanted:
            break
        places = list(dict.fromkeys(p.parent for p in places))
    if not listed:
        problems = [*found.problems, *(p for c in found.courses for p in c.problems)]
        what = problems[0] if problems else "no complete image series was found"
        raise InputError(f"Nothing in {paths[0].name} can be shown: {what.rstrip('.')}.")
    return listed


def _listed(courses: Sequence[Course], wanted: set[Path]) -> tuple[Offer, ...]:
    return tuple(
        offer
        for course in courses
        for timepoint in course.timepoints
        for offer in _timepoint_offers(course, timepoint)
        if not wanted or any(f.resolve() in wanted for s in offer.series for f in s.files)
    )


def preferred(listed: Sequence[Offer]) -> Sequence[Offer]:
    """Choose without asking: all of a few, else those with a role, else the first few."""
    if len(listed) <= FEW:
        return listed
    return [o for o in listed if o.preferred][:FEW] or listed[:FEW]


def open_offers(chosen: Sequence[Offer]) -> list[LayerData]:
    """Read the chosen series and give their layers, the first in sight: images hide each other."""
    found = [_offer_layer(offer) for offer in chosen]
    for _, keywords, _ in found[1:]:
        keywords["visible"] = False
    return found


def open_image(path: Path) -> LayerData:
    """Give the layer of one NIfTI, NRRD or MetaImage file: labels if it holds labels.

    Raises
    ------
    UnreadableFileError
        If it cannot be read, or is not three-dimensional.
    """
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError:
        raise UnreadableFileError(f"{path.name} cannot be read as an image.") from None
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise UnreadableFileError(f"{path.name} is not a three-dimensional grey image.")
    geometry, array = from_sitk(image), sitk.GetArrayFromImage(image)
    name = path.name.split(".")[0]
    if _holds_labels(path, array):
        tissues = {c: t for t, c in TISSUE_CODES.items()} if _is_tissue_map(path) else {}
        labels = LabelMap(
            array.astype("uint16" if array.max() > 255 else "uint8"), geometry, tissues
        )
        return labels_layer(labels, name)
    return image_layer(Volume(array, geometry, Quantity.MR_SIGNAL), name)


def _timepoint_offers(course: Course, timepoint: Timepoint) -> list[Offer]:
    """Offer a visit's readable series; those that are phases of one acquisition together."""
    listed = [(s, True) for s in timepoint.series.values()]
    listed += [(s, False) for s in timepoint.others]
    groups: dict[tuple[object, ...], list[tuple[Series, bool]]] = {}
    for series, chosen in listed:
        if not series.refusal:
            groups.setdefault(_acquisition_key(series), []).append((series, chosen))
    return [
        Offer(course, timepoint, tuple(s for s, _ in _in_time(group)), any(c for _, c in group))
        for group in groups.values()
    ]


def _acquisition_key(series: Series) -> tuple[object, ...]:
    """Tell acquisitions apart; the steps of one share their series UID and their grid."""
    grid = series.geometry
    return (series.uid, grid.shape, tuple(grid.affine.round(3).ravel().tolist()))


def _in_time(group: list[tuple[Series, bool]]) -> list[tuple[Series, bool]]:
    """Sort by acquisition time where it is known; the loader's own order decides ties."""
    times = [s.acquisition.acquisition_datetime for s, _ in group]
    known = [t for t in times if t is not None]
    if len(known) < len(group):
        return group
    return [pair for _, pair in sorted(zip(known, group, strict=True), key=lambda item: item[0])]


def _offer_layer(offer: Offer) -> LayerData:
    first = offer.series[0]
    what = first.role.value if offer.preferred else (first.description or first.modality)
    name = f"{what} {offer.timepoint.name}"
    remember = {"series": first, "timepoint": offer.timepoint, "course": offer.course}
    if len(offer.series) == 1:
        return image_layer(first.load(), name, remember=remember, window=window_tags(first))
    volumes = [s.load() for s in offer.series]
    return stack_layer(volumes, name, step="phase", remember=remember, window=window_tags(first))


def _holds_labels(path: Path, array: AnyArray) -> bool:
    from imgcompare.loading.converted import is_mask_name

    if array.dtype.kind not in "iu":
        return False
    named = is_mask_name(path) or _is_tissue_map(path) or "_lesions" in path.name
    small = int(array.min()) >= 0 and int(array.max()) < 256
    return named or (small and len(np.unique(array)) <= MOST_LABELS)


def _is_tissue_map(path: Path) -> bool:
    return path.name.endswith(TISSUE_MAP_ENDING)
