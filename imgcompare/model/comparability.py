"""What stands between two acquisitions that are compared, and which figures it concerns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from imgcompare.model.tissues import WHOLE, Tissue


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

    def applies_to(self, compartment: str, quantity: str) -> bool:
        """Whether it concerns a kind of figure."""
        return any(_concerns(c, compartment, quantity) for c in self.concerns)


CONTRAST_COMPARTMENTS = frozenset(t.value for t in Tissue if t is not Tissue.OEDEMA)
"""Compartments that are told apart by what enhances."""


def _concerns(concern: Concern, compartment: str, quantity: str) -> bool:
    is_intensity = quantity.endswith(("intensity", "enhancement"))
    by_contrast = compartment in CONTRAST_COMPARTMENTS or quantity == "mean_enhancement"
    match concern:
        case Concern.ALL:
            return True
        case Concern.INTENSITY:
            return is_intensity
        case Concern.ENHANCEMENT:
            return by_contrast
        case Concern.SIZE:
            return not is_intensity
        case Concern.VOLUME:
            return quantity == "volume"
        case Concern.DIAMETER:
            return not is_intensity and quantity != "volume" and compartment == WHOLE
        case _:
            return False  # subtraction and voxelwise comparison are methods, not figures
