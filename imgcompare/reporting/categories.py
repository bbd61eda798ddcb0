"""Categories of all criteria in words, and which way each points."""

from __future__ import annotations

from imgcompare.model import DIRECTIONS, Category, Direction

MEANINGS = {
    Category.BASELINE: "baseline",
    Category.CR: "complete response",
    Category.PR: "partial response",
    Category.MR: "minor response",
    Category.SD: "stable disease",
    Category.PD: "progressive disease",
    Category.NE: "not evaluable",
    Category.NON_CR_NON_PD: "neither complete response nor progression",
    Category.NED: "no evidence of disease",
    Category.PRE_PD: "progression to be confirmed",
    Category.ICR: "complete response (immune)",
    Category.IPR: "partial response (immune)",
    Category.ISD: "stable disease (immune)",
    Category.INON_CR_NON_PD: "neither complete response nor progression (immune)",
    Category.IUPD: "progression, not confirmed yet (immune)",
    Category.ICPD: "progression, confirmed (immune)",
}
"""Terms of RECIST 1.1 (Eisenhauer 2009), iRECIST (Seymour 2017) and RANO (Wen 2010, 2023)."""

_BY_NAME = {category.value.upper(): meaning for category, meaning in MEANINGS.items()}
_WAYS = {category.value.upper(): way for category, way in DIRECTIONS.items()}


def meaning(category: str) -> str:
    """Words for a category; empty if it is unknown."""
    return _BY_NAME.get(category.upper(), "")


def direction(category: str) -> Direction:
    """Which way a category points; NE, the baseline and unknown ones point nowhere."""
    return _WAYS.get(category.upper(), Direction.NONE)
