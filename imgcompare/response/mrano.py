"""mRANO: glioblastoma from the scan after radiotherapy on; progression is always confirmed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imgcompare.model import Tissue
from imgcompare.response.best_overall import CONFIRMATION_DAYS, MIN_SD_DAYS
from imgcompare.response.rano_measures import ENHANCING, Metric, two_diameters_size
from imgcompare.response.rano_rules import ConfirmBy, Part, Policy, RanoRules
from imgcompare.response.rano_shape import PostRadiotherapyCriterion

RULE = "mrano"


@dataclass(frozen=True, slots=True)
class MRano(PostRadiotherapyCriterion):
    """Modified RANO for glioblastoma.

    Attributes
    ----------
    primary_metric : Metric
        ``volume`` or ``product``, where both are known; the other one is reported beside it. A
        rim has a volume, but hardly two diameters.
    confirm_reference : ConfirmBy
        Whether progression is confirmed by further growth over the ``preliminary`` scan, or by
        growth that is still there against the ``original`` reference.
    confirmation_days : int
        Shortest time after which a scan may confirm progression.
    post_radiotherapy_baseline : bool
        Whether the scan after radiotherapy becomes the baseline if it lies within the course.
    most_targets, confirm, min_sd_days
        As in `RanoHgg2010`.
    """

    primary_metric: Metric = Metric.VOLUME
    confirm_reference: ConfirmBy = ConfirmBy.PRELIMINARY
    confirmation_days: int = CONFIRMATION_DAYS
    post_radiotherapy_baseline: bool = True
    most_targets: int = 5
    confirm: bool = True
    min_sd_days: int = MIN_SD_DAYS

    name: ClassVar[str] = "mRANO"
    version: ClassVar[str] = "2017"
    requires: ClassVar[tuple[str, ...]] = (
        "enhancing bidimensional_product, or both diameters, or volume (T1 subtraction)",
        "steroid_dose, clinical_status (events; else radiographic only)",
        "radiotherapy_end (events; moves the baseline to the scan after it)",
        "new lesions from a reader",
    )
    citations: ClassVar[tuple[str, ...]] = (
        "Ellingson BM et al. Neurotherapeutics 2017;14:307-320. doi:10.1007/s13311-016-0507-6",
    )

    def rules(self) -> RanoRules:
        """Give the rules, by the settings."""
        return RanoRules(
            rule=RULE,
            parts=(Part(ENHANCING, two_diameters_size(Tissue.ENHANCING)),),
            primary=self.primary_metric,
            most=self.most_targets,
            policy=Policy.ALWAYS,
            confirm_by=self.confirm_reference,
            confirmation_days=self.confirmation_days,
        )
