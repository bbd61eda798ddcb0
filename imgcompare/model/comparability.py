"""What stands between two acquisitions that are compared, and which figures it concerns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Severity(IntEnum):
    """How much a difference between two acquisitions matters; a larger value is worse.

    BLOCK withholds the figures it concerns, MAJOR widens their error, MINOR and INFO are notes.
    """

    INFO = 1
    MINOR = 2
    MAJOR = 3
    BLOCK = 4


class Concern(StrEnum):
    """Figures that a difference concerns."""

    ALL = "all figures"
    SIZE = "sizes and volumes"
    DIAMETER = "diameters"
    VOLUME = "volumes"
    ENHANCEMENT = "enhancing part"
    INTENSITY = "intensities"
    SUBTRACTION = "subtraction"
    VOXELWISE = "voxelwise comparison"


@dataclass(frozen=True, slots=True)
class ComparabilityFinding:
    """One difference between the acquisitions of two timepoints.

    Attributes
    ----------
    check : str
        Name of the check, e.g. ``slice thickness``.
    severity : Severity
    concerns : tuple of Concern
        Figures it applies to.
    from_index, to_index : int
        The two timepoints, the earlier first.
    series : str
        Role of the series compared, empty for the visit as a whole.
    earlier, later : str
        What the headers say; empty where the attribute is missing.
    text : str
        The difference in one sentence.
    unknown : bool
        Whether the attribute is missing, so that the severity is one below that of its rule.
    """

    check: str
    severity: Severity
    concerns: tuple[Concern, ...]
    from_index: int
    to_index: int
    series: str
    earlier: str
    later: str
    text: str
    unknown: bool = False
