"""Diameters that a reader drew replace those that were found automatically."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from imgcompare.errors import ConfigurationError
from imgcompare.model import WHOLE, Course, Measurement
from imgcompare.options import GivenDiameter, position_of

READER_METHOD = "measured by a reader"
READER_FLAG = "READER"
"""Flag of a figure that a person measured."""

PRODUCT = "bidimensional_product"
PRODUCT_OF = ("longest_diameter", "perpendicular_diameter")


def with_given_diameters(
    figures: Sequence[Measurement], given: Sequence[GivenDiameter], course: Course
) -> tuple[Measurement, ...]:
    """Replace diameters of whole lesions by those a reader drew, and products made of them.

    Parameters
    ----------
    figures : sequence of Measurement
        What was measured automatically.
    given : sequence of GivenDiameter
        What the reader drew; two points each.
    course : Course
        Tells which timepoint a text means.

    Returns
    -------
    tuple of Measurement
        A reader's figure has no interval of its own; repeatability of readers stands for it.

    Raises
    ------
    ConfigurationError
        If a diameter belongs to no figure.
    """
    if not given:
        return tuple(figures)
    drawn = {(position_of(g.timepoint, course), g.lesion, g.quantity): g for g in given}
    known = {
        (m.timepoint_index, m.lesion_id, m.quantity) for m in figures if m.compartment == WHOLE
    }
    for (index, lesion, quantity), one in drawn.items():
        if (index, lesion, quantity) not in known:
            raise ConfigurationError(
                f"Diameter {quantity} of lesion {lesion} at {one.timepoint}: there is no such "
                "figure to replace."
            )
    replaced = [_replaced(m, drawn) for m in figures]
    lengths = {(m.timepoint_index, m.lesion_id, m.quantity): m.value
               for m in replaced if m.compartment == WHOLE}  # fmt: skip
    touched = {(index, lesion) for index, lesion, _ in drawn}
    return tuple(
        _product(m, lengths)
        if m.quantity == PRODUCT
        and m.compartment == WHOLE
        and (m.timepoint_index, m.lesion_id) in touched
        else m
        for m in replaced
    )


def _replaced(figure: Measurement, drawn: dict[tuple[int, int, str], GivenDiameter]) -> Measurement:
    one = drawn.get((figure.timepoint_index, figure.lesion_id, figure.quantity))
    if one is None or figure.compartment != WHOLE:
        return figure
    first, second = (np.asarray(end, dtype=np.float64) for end in one.ends_mm)
    return _by_reader(
        replace(figure, endpoints_lps_mm=one.ends_mm), float(np.linalg.norm(first - second))
    )


def _product(figure: Measurement, lengths: dict[tuple[int, int, str], float]) -> Measurement:
    sides = [lengths.get((figure.timepoint_index, figure.lesion_id, q)) for q in PRODUCT_OF]
    known = [side for side in sides if side is not None]
    return _by_reader(figure, math.prod(known)) if len(known) == len(sides) else figure


def _by_reader(figure: Measurement, value: float) -> Measurement:
    return replace(
        figure,
        value=value,
        ci_low=math.nan,
        ci_high=math.nan,
        method=READER_METHOD,
        flags=tuple(dict.fromkeys([*figure.flags, READER_FLAG])),
    )
