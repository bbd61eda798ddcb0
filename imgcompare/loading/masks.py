"""Reads outlines of lesions from any kind of mask file onto the grid of an image.

A file that holds several parts (segments, structures, label values) is never guessed about: a part
is chosen by ``file#number`` or ``file#name``, or a label scheme says what the parts are.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from imgcompare.errors import ImgCompareError, InputError, LabelSchemeError, UnreadableFileError
from imgcompare.geometry import Geometry
from imgcompare.loading.drawn import Filled, MaskFile, Part, choose, listing
from imgcompare.loading.files import is_volume_file
from imgcompare.loading.label_schemes import LABEL_SCHEMES, mask_region, meaning_of
from imgcompare.loading.mask_files import locate, open_mask
from imgcompare.loading.volumes import inspect
from imgcompare.model import LabelMap, Quantity, Volume

HALF: Final = 0.5
"""A voxel belongs to a drawn region if at least this part of it lies inside."""


@dataclass(frozen=True, slots=True, eq=False)
class DrawnLesion:
    """A lesion as somebody outlined it.

    Attributes
    ----------
    name : str
        Number and name of the segment or structure; empty for a whole file.
    region : LabelMap
        Boolean: voxels of which at least half lies inside, on the full grid of the image.
    fill : Volume, optional
        Part of each voxel inside, 0 to 1, on a crop of that grid; None where the file labels whole
        voxels.
    notes : tuple of str
        What a person should know about how it was read.
    """

    name: str
    region: LabelMap
    fill: Volume | None = None
    notes: tuple[str, ...] = ()


def read_mask(
    path: str | os.PathLike[str],
    *,
    onto: Geometry,
    what: str = "image",
    hide: Callable[[str], str] = str,
) -> LabelMap:
    """Read a mask as a label map on a given grid.

    Parameters
    ----------
    path : path
        As for `open_mask`. With a choice (``#3``) the other parts are left out.
    onto : Geometry
        The grid that the mask must have (SEG: of whose voxels it must consist; RTSTRUCT: within
        which it must lie).
    what : str
        What that grid belongs to, for messages, e.g. ``"T1C of 2024-01-10"``.
    hide : callable
        Takes what identifies the patient out of messages, see `Course.hide`.

    Returns
    -------
    LabelMap
        Each part by its number; ``tissues`` is empty, see `mask_region`.

    Raises
    ------
    GeometryMismatchError
        If the mask has another grid or frame of reference; names both.
    InputError
        If it is empty, holds values that are not whole numbers, or parts that overlap.
    NothingFoundError, UnreadableFileError, SeriesError
        If there is no such file, or it is damaged or not one 3-D volume.
    """
    mask, choice = open_mask(path, hide=hide)
    chosen = _chosen(mask, choice, hide) or mask.parts
    largest = max(p.number for p in chosen)
    labels = np.zeros(onto.shape, np.uint8 if largest <= np.iinfo(np.uint8).max else np.int32)
    for part in chosen:
        filled = _fill(mask, part, onto, what)
        inside = filled.fractions >= HALF
        there = labels[filled.box] != 0
        inside &= ~(there & (filled.fractions == HALF))  # halves of a voxel do not overlap
        if (there & inside).any():
            raise InputError(
                f"Parts of {mask.name} overlap, which labels cannot show; choose with "
                f"{mask.name}#NUMBER: {listing(chosen)}."
            )
        labels[filled.box][inside] = part.number
    if not labels.any():
        raise InputError(f"Mask {mask.name} is empty: it fills no voxel by half.")
    return LabelMap(labels, onto)


def check_mask(
    path: str | os.PathLike[str],
    *,
    label_scheme: str | None = None,
    hide: Callable[[str], str] = str,
) -> None:
    """Refuse, before any long work, a file that `read_lesions` would refuse for what it holds.

    Voxels of label maps are not read, and no grid is compared.

    Raises
    ------
    NothingFoundError, UnreadableFileError, InputError, LabelSchemeError
        As for `read_lesions`.
    """
    scheme_names_tissues = bool(meaning_of(label_scheme))
    file, _ = locate(path, hide=hide)
    if is_volume_file(file):
        try:
            inspect(file)
        except InputError as error:
            raise type(error)(hide(str(error))) from None
        return
    mask, choice = open_mask(path, hide=hide)
    if not scheme_names_tissues:
        _lesion_parts(mask, choice, label_scheme, hide)


def read_lesions(
    path: str | os.PathLike[str],
    *,
    onto: Geometry,
    what: str = "image",
    label_scheme: str | None = None,
    hide: Callable[[str], str] = str,
) -> tuple[DrawnLesion, ...]:
    """Read a mask file as one region per lesion.

    Parameters
    ----------
    path, onto, what, hide
        As for `read_mask`.
    label_scheme : str, optional
        A name of LABEL_SCHEMES. ``instances`` gives a lesion per part, ``components`` one per
        connected piece (26 neighbours), largest first; ``binary`` joins all parts. Without one,
        parts that were chosen are a lesion each, and a file must not hold several.

    Returns
    -------
    tuple of DrawnLesion
        On the grid ``onto``.

    Raises
    ------
    LabelSchemeError
        If parts have no agreed meaning, or there is no such scheme or part.
    GeometryMismatchError, InputError, NothingFoundError, UnreadableFileError, SeriesError
        As for `read_mask`.
    """
    if meaning_of(label_scheme):
        region = mask_region(read_mask(path, onto=onto, what=what, hide=hide), label_scheme)
        return (DrawnLesion("", region),)
    mask, choice = open_mask(path, hide=hide)
    chosen = _lesion_parts(mask, choice, label_scheme, hide)
    alone = label_scheme in (None, "instances")
    groups: list[tuple[Part, ...]] = [(p,) for p in chosen] if alone else [chosen]
    lesions = [_lesion(mask, group, onto, what) for group in groups]
    if label_scheme == "components":
        return _pieces(lesions[0])
    return tuple(lesions)


def _ask(mask: MaskFile) -> str:
    """Say which parts there are and how to tell what they mean."""
    schemes = ", ".join(sorted(LABEL_SCHEMES))
    first = mask.parts[0].number
    if mask.kind == "labels":
        values = ", ".join(str(p.number) for p in mask.parts)
        return (
            f"Mask {mask.name} holds the labels {values}, whose meaning differs between sources "
            f"(BraTS label 4 changed in 2023); say which: {schemes}. binary takes all of them as "
            f"one lesion, instances each as a lesion of its own, {mask.name}#{first} one of them."
        )
    return (
        f"Mask {mask.name} holds {len(mask.parts)} {mask.kind}: {listing(mask.parts)}. Choose the "
        f"lesion by number or name ({mask.name}#{first}), several with commas; or take each as a "
        "lesion of its own (label scheme instances), or all as one (binary)."
    )


def _chosen(mask: MaskFile, choice: str, hide: Callable[[str], str]) -> tuple[Part, ...]:
    """Find what was chosen by name or number; nothing where nothing was."""
    try:
        return choose(mask.parts, choice, file=mask.name, kind=mask.kind) if choice else ()
    except LabelSchemeError as error:
        raise LabelSchemeError(hide(str(error))) from None


def _lesion_parts(
    mask: MaskFile, choice: str, scheme: str | None, hide: Callable[[str], str]
) -> tuple[Part, ...]:
    """Find the parts that are lesions; several that nobody chose among are asked about."""
    chosen = _chosen(mask, choice, hide)
    if not chosen and scheme is None and len(mask.parts) > 1:
        raise LabelSchemeError(_ask(mask))
    return chosen or mask.parts


def _fill(mask: MaskFile, part: Part, onto: Geometry, what: str) -> Filled:
    """Place a part; one without a voxel is an error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's show values of damaged headers
            filled = mask.fill(part, onto=onto, what=what)
    except ImgCompareError:
        raise
    except Exception as error:  # damaged values raise many kinds
        raise UnreadableFileError(
            f"File {mask.name} is damaged ({type(error).__name__}); export it again."
        ) from None
    if not filled.fractions.any():
        raise InputError(f"Mask {mask.name} is empty: {part} of its {mask.kind} has no voxel.")
    return filled


def _lesion(mask: MaskFile, parts: Sequence[Part], onto: Geometry, what: str) -> DrawnLesion:
    """Join parts into one lesion."""
    filled = [_fill(mask, part, onto, what) for part in parts]
    box = tuple(
        slice(min(f.box[a].start for f in filled), max(f.box[a].stop for f in filled))
        for a in range(3)
    )
    window = box[0], box[1], box[2]
    kind = np.result_type(*[f.fractions.dtype for f in filled])
    joined: npt.NDArray[Any] = np.zeros([s.stop - s.start for s in window], dtype=kind)
    for one in filled:
        inner = tuple(
            slice(a.start - b.start, a.stop - b.start) for a, b in zip(one.box, box, strict=True)
        )
        joined[inner] = np.maximum(joined[inner], one.fractions)
    region = np.zeros(onto.shape, dtype=bool)
    region[window] = joined >= HALF
    named = ", ".join(map(str, parts)) if len(mask.parts) > 1 or parts[0].name else ""
    if not region.any():
        raise InputError(
            f"Mask {mask.name} fills no voxel by half ({named or 'its lesion'} has "
            f"{float(joined.sum()) * onto.voxel_volume_ml:.2g} mL); it is too small for {what}."
        )
    fill = None
    if kind.kind == "f":
        grid = onto.crop([s.start for s in window], [s.stop for s in window])
        fill = Volume(joined, grid, Quantity.DIMENSIONLESS)
    notes = tuple(
        f"{mask.name}, {part}: {n}" for part, f in zip(parts, filled, strict=True) for n in f.notes
    )
    return DrawnLesion(named, LabelMap(region, onto), fill, notes)


def _pieces(lesion: DrawnLesion) -> tuple[DrawnLesion, ...]:
    """Part a lesion into connected pieces, largest first, each with its partial voxels."""
    import cc3d
    from scipy import ndimage

    array = np.array(lesion.region.array)
    pieces = cc3d.connected_components(array, connectivity=26)
    order = np.argsort(-np.bincount(pieces.ravel())[1:], kind="stable") + 1
    grid = lesion.region.geometry
    if lesion.fill is None:
        return tuple(DrawnLesion("", LabelMap(pieces == n, grid)) for n in order)
    start = lesion.fill.geometry.offset_in(grid)
    box = tuple(slice(a, a + n) for a, n in zip(start, lesion.fill.geometry.shape, strict=True))
    near = ndimage.distance_transform_edt(
        pieces[box] == 0, sampling=grid.spacing_mm, return_distances=False, return_indices=True
    )
    owner = pieces[box][tuple(near)]
    return tuple(
        DrawnLesion(
            lesion.name,
            LabelMap(pieces == n, grid),
            Volume(np.where(owner == n, lesion.fill.array, np.float32(0)), lesion.fill.geometry),
            lesion.notes,
        )
        for n in order
    )
