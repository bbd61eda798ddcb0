"""From folders of scans to a finished comparison: the only package that knows the order."""

from imgcompare.options import AssessOptions, CompareOptions, Seed
from imgcompare.pipeline.assessing import assess, assess_steps
from imgcompare.pipeline.comparing import compare, compare_steps
from imgcompare.reporting import write_comparison

__all__ = [
    "AssessOptions",
    "CompareOptions",
    "Seed",
    "assess",
    "assess_steps",
    "compare",
    "compare_steps",
    "write_comparison",
]
