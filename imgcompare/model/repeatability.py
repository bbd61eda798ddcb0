"""How well a kind of figure repeats, as a setting that can be published, measured or typed."""

from __future__ import annotations

import math
from dataclasses import dataclass

from imgcompare.errors import InputError

ANY = ""
"""Stands for any compartment, modality or site."""


@dataclass(frozen=True, slots=True)
class Repeatability:
    """Within-subject coefficient of variation of one kind of figure.

    Attributes
    ----------
    wcv : float
        As a fraction of the figure, above 0 and below 1.
    source : str
        Citation, or what it was measured on.
    quantity : str
        As in `Measurement`; empty fits any.
    compartment, modality, site : str
        What it holds for; empty fits any.
    from_mm, below_mm : float
        Longest diameters it holds for.
    pairs : int
        Number of test-retest pairs behind it; 0 where not known.
    """

    wcv: float
    source: str
    quantity: str = ANY
    compartment: str = ANY
    modality: str = ANY
    site: str = ANY
    from_mm: float = 0.0
    below_mm: float = math.inf
    pairs: int = 0

    def __post_init__(self) -> None:
        """Refuse what is no coefficient of variation."""
        if not 0.0 < self.wcv < 1.0:
            raise InputError(
                f"A coefficient of variation must be above 0 and below 1, not {self.wcv}."
            )
        if not 0.0 <= self.from_mm < self.below_mm:
            raise InputError(f"No diameter is from {self.from_mm} and below {self.below_mm} mm.")

    def fits(
        self, quantity: str, compartment: str, *, modality: str, site: str, diameter_mm: float
    ) -> bool:
        """Whether it holds for a figure; a diameter that is not known fits any range."""
        known = not math.isnan(diameter_mm)
        return (
            self.quantity in (ANY, quantity)
            and self.compartment in (ANY, compartment)
            and self.modality in (ANY, modality)
            and self.site.lower() in (ANY, site.lower())
            and (not known or self.from_mm <= diameter_mm < self.below_mm)
        )

    @property
    def specificity(self) -> int:
        """How many things it is tied to; the most specific setting that fits is used."""
        tied = (self.quantity, self.compartment, self.modality)
        sized = self.from_mm > 0.0 or self.below_mm < math.inf
        return sum(x != ANY for x in tied) + sized + 2 * (self.site != ANY)
