"""Results → files: tables, provenance, label maps, transforms and one page to read."""

from imgcompare.reporting.atomic import require_writable
from imgcompare.reporting.findings import headline
from imgcompare.reporting.writer import write_comparison

__all__ = ["headline", "require_writable", "write_comparison"]
