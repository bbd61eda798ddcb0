"""Label maps of a timepoint on its native reference grid."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imgcompare.model import LESION_TISSUES, TISSUE_CODES, TimepointResult, Tissue

TISSUES_DESCRIPTION = "imgcompare tissues " + " ".join(
    f"{code} {tissue.value[:8]}" for tissue, code in TISSUE_CODES.items()
)
LESIONS_DESCRIPTION = "imgcompare lesion ids, all tissues but oedema"


PART_BITS = 3
"""A part's value is its lesion's id, shifted by this, and its tissue's code."""


def tissue_map(result: TimepointResult) -> npt.NDArray[np.uint8]:
    """Tissue code of every voxel; where lesions overlap the lower id wins, oedema never does."""
    return (part_map(result) & ((1 << PART_BITS) - 1)).astype(np.uint8)


def part_map(result: TimepointResult) -> npt.NDArray[np.uint16]:
    """Lesion id and tissue code of every voxel in one value; overlap as in `tissue_map`."""
    full = np.zeros(result.aligned.geometry.shape, dtype=np.uint16)
    oedema, tissue = TISSUE_CODES[Tissue.OEDEMA], (1 << PART_BITS) - 1
    for lesion_id in sorted(result.lesions):
        view = full[_place(result, lesion_id)]
        found = result.lesions[lesion_id].labels.array.astype(np.uint16)
        free = (view == 0) | ((view & tissue == oedema) & (found != oedema))
        np.copyto(view, found | (lesion_id << PART_BITS), where=free & (found != 0))
    return full


def lesion_map(result: TimepointResult) -> npt.NDArray[np.int16]:
    """Lesion id of every voxel of a whole lesion; where lesions overlap the lower id wins."""
    full = np.zeros(result.aligned.geometry.shape, dtype=np.int16)
    codes = [TISSUE_CODES[t] for t in LESION_TISSUES]
    for lesion_id in sorted(result.lesions):
        view = full[_place(result, lesion_id)]
        inside = np.isin(result.lesions[lesion_id].labels.array, codes)
        np.copyto(view, np.int16(lesion_id), where=inside & (view == 0))
    return full


def code_table() -> str:
    """Give the content of labels/codes.csv."""
    lines = ["value,tissue", "0,outside", *(f"{c},{t.value}" for t, c in TISSUE_CODES.items())]
    return "\n".join(lines) + "\n"


def _place(result: TimepointResult, lesion_id: int) -> tuple[slice, slice, slice]:
    """Where a lesion's crop lies in the reference grid."""
    return result.lesions[lesion_id].geometry.place_in(result.aligned.geometry)
