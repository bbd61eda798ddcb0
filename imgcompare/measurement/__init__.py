"""Volumes, diameters, intensities and their changes, each with its error."""

from imgcompare.measurement.change import measure_changes
from imgcompare.measurement.lesion import absent_lesion, measure_lesion

__all__ = ["absent_lesion", "measure_changes", "measure_lesion"]
