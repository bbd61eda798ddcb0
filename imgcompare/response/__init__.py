"""Response criteria: what the measurements over time mean by published rules."""

from imgcompare.response.base import Criterion, ReaderInput, load_criteria
from imgcompare.response.recist import Recist11

__all__ = ["Criterion", "ReaderInput", "Recist11", "load_criteria"]
