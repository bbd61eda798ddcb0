"""iRANO: progression of glioma soon after the start of immunotherapy must be confirmed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imgcompare.model import Tissue
from imgcompare.response.best_overall import MIN_SD_DAYS
from imgcompare.response.rano import PRODUCTS_ONLY, REQUIRES
from imgcompare.response.rano_measures import immunotherapy_window, two_diameters_size
from imgcompare.response.rano_rules import ConfirmBy, Part, Policy, RanoRules
from imgcompare.response.rano_shape import RanoCriterion

REPEAT_DAYS = 84
"""The scan is repeated about three months after the first sign; 12 weeks count."""


@dataclass(frozen=True, slots=True)
class IRano(RanoCriterion):
    """Immunotherapy Response Assessment in Neuro-Oncology.

    Attributes
    ----------
    confirmation_days : int
        Shortest time after the first sign of progression at which a scan may confirm it.
    most_targets, confirm, min_sd_days
        As in `RanoHgg2010`.
    """

    confirmation_days: int = REPEAT_DAYS
    most_targets: int = 5
    confirm: bool = True
    min_sd_days: int = MIN_SD_DAYS

    name: ClassVar[str] = "iRANO"
    version: ClassVar[str] = "2015"
    requires: ClassVar[tuple[str, ...]] = (
        REQUIRES[0],
        REQUIRES[1],
        "immunotherapy_start (events; else the window is unknown)",
        REQUIRES[3],
    )
    citations: ClassVar[tuple[str, ...]] = (
        "Okada H et al. Lancet Oncol 2015;16:e534-e542. doi:10.1016/S1470-2045(15)00088-1",
        "Wen PY et al. J Clin Oncol 2010;28:1963-1972. doi:10.1200/JCO.2009.26.3541",
    )

    def rules(self) -> RanoRules:
        """Give the rules, by the settings."""
        return RanoRules(
            rule="irano",
            parts=(Part(PRODUCTS_ONLY, two_diameters_size(Tissue.ENHANCING)),),
            most=self.most_targets,
            policy=Policy.IN_WINDOW,
            confirm_by=ConfirmBy.PRELIMINARY,
            confirmation_days=self.confirmation_days,
            window=immunotherapy_window,
            t2_flair=True,
            can_vanish=False,
        )
