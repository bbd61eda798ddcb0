"""Response criteria: what the measurements over time mean by published rules."""

from imgcompare.model import ReaderInput
from imgcompare.response.base import Criterion, load_criteria
from imgcompare.response.recist import Recist11

__all__ = ["Criterion", "ReaderInput", "Recist11", "load_criteria"]
