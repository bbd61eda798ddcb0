"""The tissues that a lesion consists of."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Tissue(StrEnum):
    """What a part of a lesion consists of (criteria: RANO; Ellingson 2014; BraTS)."""

    ENHANCING = "enhancing"
    NECROTIC = "necrotic"
    CYSTIC = "cystic"
    NON_ENHANCING = "non_enhancing"
    HAEMORRHAGE = "haemorrhage"
    OEDEMA = "oedema"


TISSUE_CODES: Mapping[Tissue, int] = MappingProxyType({t: n for n, t in enumerate(Tissue, start=1)})
"""Label value of each tissue in every label map imgcompare writes; 0 is outside."""

LESION_TISSUES: tuple[Tissue, ...] = tuple(t for t in Tissue if t is not Tissue.OEDEMA)
"""The tissues that make up the whole lesion: all but oedema."""

WHOLE = "whole"
"""Name of the compartment that joins all LESION_TISSUES."""
