"""What every response criterion is, takes and gives, and how the installed ones are found."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import entry_points
from typing import ClassVar, Protocol, runtime_checkable

from imgcompare.errors import ConfigurationError
from imgcompare.model import Assessment, Category, CourseResponse
from imgcompare.response.readings import CourseReadings
from imgcompare.response.settings import with_settings

ENTRY_POINT_GROUP = "imgcompare.criteria"
"""Packages add a criterion by an entry point of this group."""

FIRST_CHOICE = "RECIST 1.1"
"""The criterion that others are set beside where no direction has a majority."""

BASELINE_CATEGORY = Category.BASELINE.value
"""Category of the timepoint that all others are compared with."""


@runtime_checkable
class Criterion(Protocol):
    """A set of rules that turns measurements over time into a category per timepoint.

    A criterion is a frozen dataclass: its fields are its settings, each with a default.

    Attributes
    ----------
    name, version : str
        E.g. ``"RECIST"`` and ``"1.1"``.
    requires : tuple of str
        Inputs it reads, in words of the measurement table, e.g. ``"whole longest_diameter"``.
    citations : tuple of str
        Where the rules come from, each with a DOI.
    """

    name: ClassVar[str]
    version: ClassVar[str]
    requires: ClassVar[tuple[str, ...]]
    citations: ClassVar[tuple[str, ...]]

    def assess(self, course: CourseReadings) -> tuple[Assessment, ...]:
        """Give one assessment per timepoint from the baseline on, in order.

        The first has the category ``baseline``. An input that is missing gives NE with what was
        missing, never an exception.
        """
        ...

    def summarise(
        self, course: CourseReadings, assessments: Sequence[Assessment]
    ) -> CourseResponse:
        """Best overall response and date of progression, from what `assess` gave."""
        ...


def title(criterion: Criterion | type[Criterion]) -> str:
    """Name with version, as assessments carry it."""
    return f"{criterion.name} {criterion.version}"


def load_criteria(
    names: Collection[str] = (), *, settings: Mapping[str, Mapping[str, str]] | None = None
) -> Mapping[str, Criterion]:
    """Find the installed criteria by entry point.

    Parameters
    ----------
    names : collection of str
        Entry point names wanted, e.g. ``recist_1_1`` or ``RECIST 1.1``; all when empty.
    settings : mapping of entry point name to mapping of setting to text, optional
        E.g. ``{"recist_1_1": {"confirm": "yes"}}``.

    Raises
    ------
    ConfigurationError
        If a name is not installed, or a setting is unknown or has no such value.
    """
    found = {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
    spelled = {_letters(name): name for name in found}
    unknown = [name for name in (*names, *(settings or {})) if _letters(name) not in spelled]
    if unknown:
        known = ", ".join(sorted(found)) or "none, for imgcompare is not installed as a package"
        raise ConfigurationError(f"There is no criterion {', '.join(unknown)}; there are: {known}.")
    wanted = {spelled[_letters(name)] for name in names}
    given = {spelled[_letters(name)]: values for name, values in (settings or {}).items()}
    return {
        name: with_settings(found[name].load(), given.get(name, {}), owner=name)
        for name in sorted(found)
        if not names or name in wanted
    }


def _letters(name: str) -> str:
    """Letters and digits of a name, so that ``RECIST 1.1`` and ``recist_1_1`` are the same."""
    return "".join(c for c in name.lower() if c.isalnum())
