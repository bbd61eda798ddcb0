"""Results → files: tables, provenance, label maps, transforms and pages to read."""

from imgcompare.reporting.assessment import write_assessment
from imgcompare.reporting.atomic import require_writable
from imgcompare.reporting.criteria_table import (
    assessed_timepoints,
    criteria_rows,
    disagreement_lines,
)
from imgcompare.reporting.findings import headline
from imgcompare.reporting.repeatability import write_repeatability
from imgcompare.reporting.writer import write_comparison

__all__ = [
    "assessed_timepoints",
    "criteria_rows",
    "disagreement_lines",
    "headline",
    "require_writable",
    "write_assessment",
    "write_comparison",
    "write_repeatability",
]
