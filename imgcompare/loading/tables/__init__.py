"""From tables that people type or export to courses, events and test-retest pairs."""

from imgcompare.loading.tables.events import read_events
from imgcompare.loading.tables.judgements import Judgement, read_judgements
from imgcompare.loading.tables.measurements import read_measurements
from imgcompare.loading.tables.retest import read_repeatability, read_retest
from imgcompare.loading.tables.sdtm import read_sdtm

__all__ = [
    "Judgement",
    "read_events",
    "read_judgements",
    "read_measurements",
    "read_repeatability",
    "read_retest",
    "read_sdtm",
]
