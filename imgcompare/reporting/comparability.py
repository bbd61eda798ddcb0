"""What stands between the acquisitions, as rows for the top of the report and for JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imgcompare.model import ComparabilityFinding, Comparison, Severity
from imgcompare.reporting.wording import timepoint_name

WORDS = {
    Severity.BLOCK: "not comparable",
    Severity.MAJOR: "major",
    Severity.MINOR: "minor",
    Severity.INFO: "note",
}

CONSEQUENCES = {
    Severity.BLOCK: "no change is given for",
    Severity.MAJOR: "measurement error is widened for",
    Severity.MINOR: "concerns",
    Severity.INFO: "concerns",
}

METHODS = ("subtraction", "voxelwise comparison")
"""Concerns that are no figures: nothing is withheld or widened for them."""


@dataclass(frozen=True, slots=True)
class ComparabilityRow:
    """One difference, with the later visits it holds for."""

    level: str
    css: str
    pairs: str
    text: str
    consequence: str


def comparability_rows(comparison: Comparison) -> list[ComparabilityRow]:
    """Differences from the baseline, worst first, each once; notes are left to the JSON file."""
    base = comparison.course.baseline_index
    own = [
        f for f in comparison.comparability if f.from_index == base and f.severity > Severity.INFO
    ]
    groups: dict[tuple[Severity, str, str], list[str]] = {}
    for f in sorted(own, key=lambda f: (-f.severity, f.unknown)):
        key = f.severity, f.text, _consequence(f)
        groups.setdefault(key, []).append(timepoint_name(comparison, f.to_index))
    return [
        ComparabilityRow(
            WORDS[severity],
            severity.name.lower(),
            ", ".join(dict.fromkeys(names)),
            text,
            consequence,
        )
        for (severity, text, consequence), names in groups.items()
    ]


def comparability_summary(comparison: Comparison) -> str:
    """Say in one sentence how comparable the acquisitions are; empty without images."""
    if not comparison.results:
        return ""
    base = comparison.course.baseline_index
    own = [f.severity for f in comparison.comparability if f.from_index == base]
    worst = max(own, default=Severity.INFO)
    return {
        Severity.BLOCK: "Some figures cannot be compared, for the acquisitions differ too much.",
        Severity.MAJOR: "The acquisitions differ in a way that matters; the errors of the changes "
        "concerned are widened.",
        Severity.MINOR: "The acquisitions differ in minor ways.",
        Severity.INFO: "The acquisitions are comparable by all attributes that were recorded.",
    }[worst]


def comparability_document(comparison: Comparison) -> list[dict[str, Any]]:
    """Give every finding for assessments.json."""
    return [
        {
            "check": f.check,
            "severity": f.severity.name,
            "unknown": f.unknown,
            "concerns": [c.value for c in f.concerns],
            "from_timepoint": f.from_index,
            "to_timepoint": f.to_index,
            "series": f.series,
            "earlier": f.earlier,
            "later": f.later,
            "text": f.text,
        }
        for f in comparison.comparability
    ]


def _consequence(finding: ComparabilityFinding) -> str:
    names = [c.value for c in finding.concerns]
    if all(n in METHODS for n in names):
        return f"concerns {' and '.join(names)} only"
    return f"{CONSEQUENCES[finding.severity]} {' and '.join(names)}"
