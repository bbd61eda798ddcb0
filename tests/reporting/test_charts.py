import dataclasses
import math
import re
import xml.etree.ElementTree as ET

import pytest

from imgcompare.model import LESION_TISSUES, Comparison
from imgcompare.reporting.charts import STACK, date_positions, dates_to_scale, volume_chart
from tests.reporting.builders import CaseSpec, make_comparison


def test_every_tissue_of_a_lesion_is_stacked_once() -> None:
    assert sorted(STACK) == sorted(LESION_TISSUES)


def test_bars_are_as_high_as_the_volumes(comparison: Comparison) -> None:
    chart = ET.fromstring(volume_chart(comparison, comparison.lesions[0]))
    bars = [r for r in chart.iter("rect") if r.get("width") == "34"]
    grid = [float(t.get("y1")) for t in chart.iter("line")]
    ticks = [float(t.text) for t in chart.iter("text") if re.fullmatch(r"[\d.]+", t.text or "")]
    per_ml = (grid[0] - grid[1]) / (ticks[1] - ticks[0])
    table = {
        (m.timepoint_index, m.compartment): m.value
        for m in comparison.measurements
        if m.quantity == "volume"
    }
    expected = [table[n, c] for n in (0, 1) for c in ("enhancing", "necrotic")]
    heights = [float(b.get("height")) / per_ml for b in bars]
    assert heights == pytest.approx(expected, abs=0.2)
    assert bars[0].get("fill") == "#E69F00"
    assert "whole lesion" in chart.get("aria-label")


def test_whiskers_appear_only_with_intervals(comparison: Comparison) -> None:
    lesion = comparison.lesions[0]
    assert volume_chart(comparison, lesion).count("whisker") == 4
    bare = tuple(
        dataclasses.replace(m, ci_low=math.nan, ci_high=math.nan) for m in comparison.measurements
    )
    assert "whisker" not in volume_chart(dataclasses.replace(comparison, measurements=bare), lesion)


def test_without_volumes_there_is_no_chart(comparison: Comparison) -> None:
    assert (
        volume_chart(dataclasses.replace(comparison, measurements=()), comparison.lesions[0]) == ""
    )


def test_dates_stand_to_scale_unless_labels_would_touch() -> None:
    a, b, c = date_positions([0, 56, 140])
    assert (b - a) / (c - a) == pytest.approx(56 / 140)
    even = date_positions([0, 2, 140])
    assert even[1] - even[0] == pytest.approx(even[2] - even[1])
    unknown = date_positions([0, None, 140])
    assert unknown == pytest.approx(even)
    assert len(date_positions([5])) == 1
    assert date_positions([5, 5]) == pytest.approx([even[0], even[2]])


def test_three_timepoints_are_to_scale() -> None:
    assert dates_to_scale(make_comparison(CaseSpec(timepoints=3, shape=(14, 42, 36),
                                                   spacing_mm=(10, 4.8, 4.8))))  # fmt: skip
