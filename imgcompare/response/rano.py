"""RANO for high-grade glioma, 2010: response from products of enhancing diameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imgcompare.model import Tissue
from imgcompare.response.best_overall import MIN_SD_DAYS
from imgcompare.response.rano_measures import (
    ENHANCING,
    Metric,
    radiotherapy_window,
    two_diameters_size,
)
from imgcompare.response.rano_rules import Part, Policy, RanoRules
from imgcompare.response.rano_shape import RanoCriterion

PRODUCTS_ONLY = {Metric.PRODUCT: ENHANCING[Metric.PRODUCT]}

REQUIRES = (
    "enhancing bidimensional_product, or longest_diameter and perpendicular_diameter",
    "steroid_dose, clinical_status (events; else radiographic only)",
    "radiotherapy_end (events; else the window is unknown)",
    "new lesions and T2/FLAIR increase from a reader",
)


@dataclass(frozen=True, slots=True)
class RanoHgg2010(RanoCriterion):
    """Response Assessment in Neuro-Oncology, high-grade glioma, 2010.

    Attributes
    ----------
    most_targets : int
        Largest number of target lesions that are proposed.
    confirm : bool
        Whether the best response counts CR and PR only if they are seen again 28 days later.
    min_sd_days : int
        Shortest time on study after which stable disease counts.
    """

    most_targets: int = 5
    confirm: bool = True
    min_sd_days: int = MIN_SD_DAYS

    name: ClassVar[str] = "RANO-HGG"
    version: ClassVar[str] = "2010"
    requires: ClassVar[tuple[str, ...]] = REQUIRES
    citations: ClassVar[tuple[str, ...]] = (
        "Wen PY et al. J Clin Oncol 2010;28:1963-1972. doi:10.1200/JCO.2009.26.3541",
    )

    def rules(self) -> RanoRules:
        """Give the rules, by the settings."""
        return RanoRules(
            rule="rano-hgg-2010",
            parts=(Part(PRODUCTS_ONLY, two_diameters_size(Tissue.ENHANCING)),),
            most=self.most_targets,
            policy=Policy.WAIT_IN_WINDOW,
            window=radiotherapy_window,
            t2_flair=True,
            can_vanish=False,
            field_proves=True,
        )
