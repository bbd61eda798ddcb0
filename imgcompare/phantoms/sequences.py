"""Pulse sequences and CT phases: what signal each tissue gives, and what the header states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from imgcompare.model import TISSUE_CODES, Role, Tissue
from imgcompare.phantoms._lesion import LESION_BASE
from imgcompare.phantoms.tissues import (
    CT_LESION,
    CT_PARTS,
    MR_LESION,
    MR_PARTS,
    CtTissue,
    MrTissue,
    Part,
)

MR_ROLES = (Role.T1, Role.T1C, Role.T2, Role.FLAIR)
CT_ROLES = (Role.CT_PRE, Role.CT_ARTERIAL, Role.CT_PORTAL)

THIN_SLICE_MM = 1.6
"""Thinner slices than this are acquired as 3-D volumes, thicker ones as 2-D spin echoes."""

MAX_LESIONS = 20

Lut = npt.NDArray[np.float32]
T = TypeVar("T", MrTissue, CtTissue)


@dataclass(frozen=True, slots=True)
class Sequence:
    """One pulse sequence, in the words of DICOM."""

    name: str
    description: str
    scanning: str
    variant: str
    options: str
    acquisition: str
    tr_ms: float
    te_ms: float
    ti_ms: float | None
    flip_deg: float
    echo_train: int
    contrast: bool = False

    def signal(self, tissue: MrTissue) -> float:
        """Signal of a tissue relative to that of water at rest and equilibrium.

        Spoiled gradient echo (Ernst) for ``GR``, spin echo with or without inversion otherwise
        (Bernstein, Handbook of MRI Pulse Sequences, 2004).
        """
        rate = 1.0 / tissue.t1_ms + (tissue.uptake / 1000.0 if self.contrast else 0.0)
        e1 = float(np.exp(-self.tr_ms * rate))
        decay = float(np.exp(-self.te_ms / tissue.t2_ms))
        if self.scanning == "GR":
            angle = np.radians(self.flip_deg)
            ready = np.sin(angle) * (1.0 - e1) / (1.0 - np.cos(angle) * e1)
            return float(tissue.density * ready * decay)
        flow = 1.0 if self.contrast else tissue.flow
        if self.ti_ms is not None:
            ready = abs(1.0 - 2.0 * float(np.exp(-self.ti_ms * rate)) + e1)
        else:
            ready = 1.0 - e1
        return float(tissue.density * ready * decay * flow)


_THIN: dict[Role, Sequence] = {
    Role.T1: Sequence("*fl3d1", "t1_fl3d_iso", "GR", "SP", "", "3D", 18.0, 4.6, None, 22.0, 1),
    Role.T1C: Sequence(
        "*fl3d1", "t1_fl3d_iso_post", "GR", "SP", "", "3D", 18.0, 4.6, None, 22.0, 1, True
    ),
    Role.T2: Sequence("*spc3d", "t2_spc_iso", "SE", "SK", "", "3D", 3200.0, 98.0, None, 120.0, 160),
    Role.FLAIR: Sequence(
        "*spcir3d", "t2_spc_flair_iso", "IR", "SK", "IR", "3D", 9000.0, 105.0, 2380.0, 120.0, 220
    ),
}

_THICK: dict[Role, Sequence] = {
    Role.T1: Sequence("*se2d1", "t1_se", "SE", "NONE", "", "2D", 560.0, 9.8, None, 90.0, 1),
    Role.T1C: Sequence(
        "*se2d1", "t1_se_post", "SE", "NONE", "", "2D", 560.0, 9.8, None, 90.0, 1, True
    ),
    Role.T2: Sequence("*tse2d1_15", "t2_tse", "SE", "SK", "", "2D", 4600.0, 98.0, None, 150.0, 15),
    Role.FLAIR: Sequence(
        "*tir2d1_19", "t2_tirm_dark-fluid", "IR", "SK", "IR", "2D", 9000.0, 95.0, 2390.0, 150.0, 19
    ),
}


def sequence_for(role: Role, slice_spacing_mm: float) -> Sequence:
    """Choose the 3-D or the 2-D sequence of an MR role."""
    return (_THIN if slice_spacing_mm < THIN_SLICE_MM else _THICK)[role]


def mr_signals(sequence: Sequence) -> tuple[Lut, Lut]:
    """Give signal and spread of every code, relative to white matter.

    Returns
    -------
    two arrays, shape (256,), float32
        Indexed by Part, or by 64 + 8 * lesion + tissue code.
    """
    white = sequence.signal(MR_PARTS[Part.WHITE])
    signal = np.zeros(256, dtype=np.float32)
    spread = np.zeros(256, dtype=np.float32)
    for code, tissue in _codes(MR_PARTS, MR_LESION):
        signal[code] = sequence.signal(tissue) / white
        spread[code] = signal[code] * tissue.texture
    return signal, spread


def ct_signals(role: Role) -> tuple[Lut, Lut]:
    """Give HU and their spread for every code in one phase, like ``mr_signals``."""
    signal = np.full(256, -1000.0, dtype=np.float32)
    spread = np.zeros(256, dtype=np.float32)
    for code, tissue in _codes(CT_PARTS, CT_LESION):
        phases = {
            Role.CT_PRE: tissue.pre,
            Role.CT_ARTERIAL: tissue.arterial,
            Role.CT_PORTAL: tissue.portal,
        }
        signal[code] = phases[role]
        spread[code] = tissue.texture_hu
    return signal, spread


def _codes(parts: dict[Part, T], lesions: dict[Tissue, T]) -> list[tuple[int, T]]:
    """Pair every code with its tissue."""
    pairs = [(int(part), tissue) for part, tissue in parts.items()]
    for lesion in range(MAX_LESIONS):
        base = LESION_BASE + 8 * lesion
        pairs += [(base + TISSUE_CODES[t], tissue) for t, tissue in lesions.items()]
    return pairs
