"""Response criteria: what the measurements over time mean by published rules."""

from imgcompare.response.base import Criterion, load_criteria
from imgcompare.response.readings import CourseReadings
from imgcompare.response.recist import Recist11

__all__ = ["CourseReadings", "Criterion", "Recist11", "load_criteria"]
