"""Label maps of a timepoint on its native reference grid."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imgcompare.model import LESION_TISSUES, TISSUE_CODES, TimepointResult, Tissue

TISSUES_DESCRIPTION = "imgcompare tissues " + " ".join(
    f"{code} {tissue.value[:8]}" for tissue, code in TISSUE_CODES.items()
)
LESIONS_DESCRIPTION = "imgcompare lesion ids, all tissues but oedema"


def tissue_map(result: TimepointResult) -> npt.NDArray[np.uint8]:
    """Tissue code of every voxel; where lesions overlap the lower id wins, oedema never does."""
    full = np.zeros(result.aligned.geometry.shape, dtype=np.uint8)
    oedema = TISSUE_CODES[Tissue.OEDEMA]
    for lesion_id in sorted(result.lesions):
        labels = result.lesions[lesion_id].labels
        view = full[_place(result, lesion_id)]
        found = labels.array.astype(np.uint8)
        free = (view == 0) | ((view == oedema) & (found != oedema))
        np.copyto(view, found, where=free & (found != 0))
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
    geometry = result.lesions[lesion_id].geometry
    start = geometry.offset_in(result.aligned.geometry)
    a, b, c = (slice(s, s + n) for s, n in zip(start, geometry.shape, strict=True))
    return a, b, c
