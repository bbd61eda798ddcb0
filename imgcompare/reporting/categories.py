"""Categories of all criteria in words, and which way each points."""

from __future__ import annotations

from enum import Enum

from imgcompare.model import Assessment, Category, Reason

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


class Direction(Enum):
    """Which way a category points; those of one direction agree."""

    RESPONSE = "response"
    STABLE = "stable"
    PROGRESSION = "progression"
    NONE = "none"


_DIRECTIONS = {
    Direction.RESPONSE: ("CR", "PR", "MR", "ICR", "IPR", "NED"),
    Direction.STABLE: ("SD", "ISD", "NON-CR/NON-PD", "INON-CR/NON-PD"),
    Direction.PROGRESSION: ("PD", "PREPD", "IUPD", "ICPD"),
}


def meaning(category: str) -> str:
    """Words for a category; empty if it is unknown."""
    return _BY_NAME.get(category.upper(), "")


def direction(category: str) -> Direction:
    """Which way a category points; NE, the baseline and unknown ones point nowhere."""
    name = category.upper()
    return next((d for d, names in _DIRECTIONS.items() if name in names), Direction.NONE)


NEW_LESION, OVERALL = "/new-lesion", "/overall"
"""Ends of rule ids: a reader's new lesion, and the table that joins all disease."""


def deciding_reasons(assessment: Assessment) -> tuple[Reason, ...]:
    """Give the reason that decided and, where it has no number, the one of the targets."""
    reasons = assessment.reasons
    decided = next((r for r in reversed(reasons) if r.rule_id == assessment.rule_id), None)
    by_figure = [r for r in reasons if "/target" in r.rule_id and r.value is not None][-1:]
    if decided is None:
        return tuple(by_figure or reasons[-1:])
    if decided.value is not None or decided.rule_id.endswith(NEW_LESION):
        return (decided,)
    if decided.rule_id.endswith(OVERALL) and by_figure:
        return tuple(by_figure)
    return (decided, *by_figure)
