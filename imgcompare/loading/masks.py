"""Reads label maps that outline lesions, and says which labels mean what."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from imgcompare.errors import InputError, LabelSchemeError
from imgcompare.geometry import AnyArray, Geometry, require_same_grid
from imgcompare.loading.volumes import inspect, read_array
from imgcompare.model import TISSUE_CODES, LabelMap, Tissue

LABEL_SCHEMES: Final[Mapping[str, Mapping[int, Tissue | None]]] = MappingProxyType(
    {
        "binary": {},
        "instances": {},
        "components": {},
        "imgcompare": {code: tissue for tissue, code in TISSUE_CODES.items()},
        # BraTS 2023 and later: 1 necrotic core, 2 oedema, 3 enhancing, 4 resection cavity.
        "brats2023": {1: Tissue.NECROTIC, 2: Tissue.OEDEMA, 3: Tissue.ENHANCING, 4: None},
        # BraTS 2017 to 2021: 1 necrotic and non-enhancing core, 2 oedema, 4 enhancing.
        "brats2021": {1: Tissue.NECROTIC, 2: Tissue.OEDEMA, 4: Tissue.ENHANCING},
        "brats2020": {1: Tissue.NECROTIC, 2: Tissue.OEDEMA, 4: Tissue.ENHANCING},
    }
)
"""Meaning of label values by scheme; None is a label outside the lesion (resection cavity).

In ``binary`` every value but 0 is lesion; in ``instances`` every value is a lesion of its own; in
``components`` every connected piece is. BraTS label 4 is the enhancing part until 2021 and the
resection cavity from 2023 on, which is why a scheme is asked for and never guessed.
"""

SAME_VOXEL: Final = 0.05
"""A mask lies on a grid if its voxels are off by no more than this part of one: converters write
positions with single precision, qforms with less."""


def read_mask(path: str | os.PathLike[str], *, onto: Geometry, what: str = "image") -> LabelMap:
    """Read a label map that lies on a given grid.

    Parameters
    ----------
    path : path
        NIfTI, NRRD or MetaImage file of whole numbers.
    onto : Geometry
        The grid that the mask must have.
    what : str
        What that grid belongs to, for messages, e.g. ``"T1C of 2024-01-10"``.

    Returns
    -------
    LabelMap
        With the label values of the file; ``tissues`` is empty, see `mask_region`.

    Raises
    ------
    GeometryMismatchError
        If the mask has another grid; names both.
    InputError
        If it is empty or holds values that are not whole numbers.
    NothingFoundError, UnreadableFileError, SeriesError
        If there is no such file, or it is damaged or not one 3-D volume.
    """
    file = Path(path)
    found = inspect(file)
    bare = Geometry(found.geometry.shape, found.geometry.affine, onto.frame_of_reference_uid)
    if not _coincide(bare, onto):
        require_same_grid(
            bare,
            onto,
            what=f"Mask {file.name} and {what}",
            remedy="Draw or resample the mask on that image.",
        )
    labels = _whole_numbers(read_array(file), file.name)
    if not labels.any():
        raise InputError(f"Mask {file.name} is empty: all its voxels are 0.")
    return LabelMap(labels, onto)


def _coincide(mask: Geometry, image: Geometry) -> bool:
    """Whether all corners agree to a small part of a voxel."""
    if mask.shape != image.shape:
        return False
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in image.shape])).reshape(3, -1).T
    shift = image.world_to_index(mask.index_to_world(corners)) - corners
    return float(np.abs(shift).max()) <= SAME_VOXEL


def _whole_numbers(array: AnyArray, name: str) -> npt.NDArray[np.integer]:
    """Give labels as integers; refuse fractions and negative values."""
    if array.dtype.kind == "f":
        if not np.isfinite(array).all() or (array != np.rint(array)).any():
            raise InputError(
                f"Mask {name} holds values that are not whole numbers (e.g. "
                f"{float(array[array != np.rint(array)].flat[0]):.3g}); threshold it first."
            )
        array = array.astype(np.int32)
    if array.min() < 0:
        raise InputError(f"Mask {name} holds negative labels ({array.min()}).")
    smallest = np.uint8 if array.max() <= np.iinfo(np.uint8).max else np.int32
    return np.asarray(array, dtype=smallest)


def read_lesions(
    path: str | os.PathLike[str],
    *,
    onto: Geometry,
    what: str = "image",
    label_scheme: str | None = None,
) -> tuple[LabelMap, ...]:
    """Read a mask file as one binary region per lesion.

    Parameters
    ----------
    path, onto, what
        As for `read_mask`.
    label_scheme : str, optional
        A name of LABEL_SCHEMES; see `mask_region`. ``instances`` gives a lesion per label value,
        ``components`` one per connected piece (26 neighbours), largest first; all others, and
        none, give one lesion.

    Returns
    -------
    tuple of LabelMap
        Boolean arrays on the grid ``onto``.

    Raises
    ------
    LabelSchemeError
        If values have no agreed meaning, or there is no such scheme.
    GeometryMismatchError, InputError, NothingFoundError, UnreadableFileError, SeriesError
        As for `read_mask`.
    """
    labels = read_mask(path, onto=onto, what=what)
    if label_scheme == "instances":
        values = [int(v) for v in np.unique(labels.array) if v]
        return tuple(LabelMap(labels.array == v, onto) for v in values)
    region = mask_region(labels, label_scheme)
    if label_scheme != "components":
        return (region,)
    import cc3d

    pieces = cc3d.connected_components(np.array(region.array), connectivity=26)
    sizes = np.bincount(pieces.ravel())[1:]
    return tuple(LabelMap(pieces == n + 1, onto) for n in np.argsort(-sizes, kind="stable"))


def mask_region(labels: LabelMap, scheme: str | None = None) -> LabelMap:
    """Give the whole lesion (without oedema) that a label map outlines.

    Parameters
    ----------
    labels : LabelMap
        Values as read.
    scheme : str, optional
        A name of LABEL_SCHEMES. Without one the values must be 0 and one other.

    Returns
    -------
    LabelMap
        Boolean array on the same grid.

    Raises
    ------
    LabelSchemeError
        If values have no agreed meaning.
    InputError
        If nothing of the lesion remains, e.g. only oedema.
    """
    values = sorted(int(v) for v in np.unique(labels.array) if v)
    options = ", ".join(sorted(LABEL_SCHEMES))
    if scheme is None:
        if len(values) > 1:
            raise LabelSchemeError(
                f"The mask holds the labels {', '.join(map(str, values))}, whose meaning differs "
                f"between sources (BraTS label 4 changed in 2023); say which: {options}. "
                "binary takes all of them as one lesion, instances each as a lesion of its own."
            )
        scheme = "binary"
    if scheme not in LABEL_SCHEMES:
        raise LabelSchemeError(f"There is no label scheme {scheme!r}; known are {options}.")
    meaning = LABEL_SCHEMES[scheme]
    if not meaning:
        return LabelMap(labels.array != 0, labels.geometry)
    strange = [v for v in values if v not in meaning]
    if strange:
        raise LabelSchemeError(
            f"The mask holds the labels {', '.join(map(str, strange))}, which {scheme} does not "
            f"define; known schemes are {options}."
        )
    core = [v for v, tissue in meaning.items() if tissue not in (None, Tissue.OEDEMA)]
    region = np.isin(labels.array, core)
    if not region.any():
        raise InputError(f"The mask holds no tumour core by {scheme}, only oedema or cavity.")
    return LabelMap(region, labels.geometry)
