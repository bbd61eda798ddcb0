"""Volumes, diameters, intensities and their changes, each with its error."""

from imgcompare.measurement.change import measure_changes
from imgcompare.measurement.errors import error_model
from imgcompare.measurement.lesion import AT_IMAGE_EDGE, absent_lesion, measure_lesion
from imgcompare.measurement.redraw import redraw
from imgcompare.measurement.repeatability import PUBLISHED, judge
from imgcompare.measurement.retest import ENOUGH_PAIRS, RetestSummary, summarise_retest

__all__ = [
    "AT_IMAGE_EDGE",
    "ENOUGH_PAIRS",
    "PUBLISHED",
    "RetestSummary",
    "absent_lesion",
    "error_model",
    "judge",
    "measure_changes",
    "measure_lesion",
    "redraw",
    "summarise_retest",
]
