"""The shape of criteria that add up one figure of each target: rules, and what is done by them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from imgcompare.model import Assessment, CourseResponse
from imgcompare.response.best_overall import BestRules, respond
from imgcompare.response.readings import CourseReadings
from imgcompare.response.sum_criterion import SumRules, assess_sums


class Shape(ABC):
    """What all shapes have: a name, citations, and the settings of the best response.

    Attributes
    ----------
    confirm : bool
        Whether the best response counts responses only if they are seen again 28 days later.
    min_sd_days : int
        Shortest time on study after which stable disease counts.
    """

    __slots__ = ()

    name: ClassVar[str]
    version: ClassVar[str]
    requires: ClassVar[tuple[str, ...]]
    citations: ClassVar[tuple[str, ...]]
    confirm: bool
    min_sd_days: int


class SumCriterion(Shape):
    """A criterion that adds up one figure of each target."""

    __slots__ = ()

    @abstractmethod
    def rules(self) -> SumRules:
        """Give the rules, by the settings; `confirm` is filled in."""

    def assess(self, course: CourseReadings) -> tuple[Assessment, ...]:
        """Classify every timepoint from the baseline on; the first lists the targets."""
        return assess_sums(self, course, self.rules())

    def summarise(
        self, course: CourseReadings, assessments: Sequence[Assessment]
    ) -> CourseResponse:
        """Best overall response, with or without confirmation, and date of progression."""
        best = BestRules(self.confirm, self.min_sd_days, self.rules().accept_sd)
        return respond(self, course, assessments=assessments, rules=best)
