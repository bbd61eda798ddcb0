"""From folders of scans to a finished comparison: the only package that knows the order."""

from imgcompare.options import CompareOptions, Seed
from imgcompare.pipeline.comparing import compare, compare_steps
from imgcompare.reporting import write_comparison

__all__ = ["CompareOptions", "Seed", "compare", "compare_steps", "write_comparison"]
