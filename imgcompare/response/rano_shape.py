"""The shape of the RANO family: each criterion says its rules, and a course is assessed by them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from imgcompare.model import Assessment, CourseResponse
from imgcompare.response.best_overall import BestRules
from imgcompare.response.rano_baseline import from_post_radiotherapy, post_radiotherapy_course
from imgcompare.response.rano_rules import RanoRules
from imgcompare.response.rano_summary import summarise_rano
from imgcompare.response.rano_walk import assess_rano
from imgcompare.response.readings import CourseReadings
from imgcompare.response.shapes import Shape


class RanoCriterion(Shape):
    """A criterion of the RANO family, whose progression may wait for confirmation."""

    __slots__ = ()

    @abstractmethod
    def rules(self) -> RanoRules:
        """Give the rules, by the settings."""

    def assess(self, course: CourseReadings) -> tuple[Assessment, ...]:
        """Classify every timepoint from the baseline on."""
        return assess_rano(self, course, self.rules())

    def summarise(
        self, course: CourseReadings, assessments: Sequence[Assessment]
    ) -> CourseResponse:
        """Best overall response; confirmed progression is dated back to its first sign."""
        best = BestRules(self.confirm, self.min_sd_days)
        return summarise_rano(self, course, assessments=assessments, rules=best)


class PostRadiotherapyCriterion(RanoCriterion):
    """The same from the scan after radiotherapy on, if that lies within the course.

    Attributes
    ----------
    post_radiotherapy_baseline : bool
        Whether that scan becomes the baseline.
    """

    __slots__ = ()

    post_radiotherapy_baseline: bool

    def assess(self, course: CourseReadings) -> tuple[Assessment, ...]:
        """Classify every timepoint; those before the scan after radiotherapy are NE."""
        rules = self.rules()
        if not self.post_radiotherapy_baseline:
            return assess_rano(self, course, rules)
        return from_post_radiotherapy(
            self, course, lambda moved: assess_rano(self, moved, rules), rule=rules.rule
        )

    def summarise(
        self, course: CourseReadings, assessments: Sequence[Assessment]
    ) -> CourseResponse:
        """Best overall response from that scan on."""
        if self.post_radiotherapy_baseline:
            course, _ = post_radiotherapy_course(course)
        best = BestRules(self.confirm, self.min_sd_days)
        return summarise_rano(self, course, assessments=assessments, rules=best)
