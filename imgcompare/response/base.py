"""What every response criterion is, takes and needs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from importlib.metadata import entry_points
from typing import Protocol, runtime_checkable

from imgcompare.errors import ConfigurationError, InputError
from imgcompare.model import (
    Assessment,
    Lesion,
    LesionEvent,
    Measurement,
    ReaderInput,
    Timepoint,
)

ENTRY_POINT_GROUP = "imgcompare.criteria"
"""Packages add a criterion by an entry point of this group."""

RESOLUTION_MM = Decimal("0.0001")
"""Typed diameters are compared as typed; only the noise of binary fractions is rounded away.

Rounding to a tenth of a millimetre first would turn 4.95 mm into the 5 mm of progression.
"""

BASELINE_CATEGORY = "baseline"
"""Category of the timepoint that all others are compared with."""


@runtime_checkable
class Criterion(Protocol):
    """A set of rules that turns measurements over time into a category per timepoint.

    Attributes
    ----------
    name, version : str
        E.g. ``"RECIST"`` and ``"1.1"``.
    requires : tuple of str
        Quantities it reads.
    citations : tuple of str
        Where the rules come from, each with a DOI.
    """

    name: str
    version: str
    requires: tuple[str, ...]
    citations: tuple[str, ...]

    def assess(
        self,
        lesions: Sequence[Lesion],
        measurements: Sequence[Measurement],
        timepoints: Sequence[Timepoint],
        *,
        baseline_index: int = 0,
        slice_thickness_mm: Sequence[float | None] | None = None,
        events: Sequence[LesionEvent] = (),
        reader: ReaderInput | None = None,
    ) -> tuple[Assessment, ...]:
        """Give one assessment per timepoint from the baseline on."""
        ...


def decimal_mm(value: float | Decimal) -> Decimal:
    """Read a length in mm, rounded half up to `RESOLUTION_MM`; a Decimal is taken as it is.

    Raises
    ------
    InputError
        If it is negative or not finite.
    """
    exact = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
    if not exact.is_finite() or exact < 0:
        raise InputError(f"A diameter must be a number of millimetres from 0 up, not {value}.")
    return exact if isinstance(value, Decimal) else exact.quantize(RESOLUTION_MM, ROUND_HALF_UP)


def mm_text(value: Decimal) -> str:
    """Write a length with one decimal, or two where one would hide something."""
    digits = "0.1" if value == value.quantize(Decimal("0.1")) else "0.01"
    return f"{value.quantize(Decimal(digits), ROUND_HALF_UP)}"


def load_criteria(names: Collection[str] = ()) -> Mapping[str, Criterion]:
    """Find the installed criteria by entry point.

    Parameters
    ----------
    names : collection of str
        Entry point names wanted, e.g. ``recist_1_1``; all when empty.

    Raises
    ------
    ConfigurationError
        If a name is not installed.
    """
    found = {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
    unknown = sorted(set(names) - set(found))
    if unknown:
        known = ", ".join(sorted(found)) or "none, for imgcompare is not installed as a package"
        raise ConfigurationError(f"There is no criterion {', '.join(unknown)}; there are: {known}.")
    return {name: found[name].load()() for name in sorted(found) if not names or name in names}
