"""Proposal of target lesions by the rules of RECIST 1.1; a reader confirms or overrules it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from imgcompare.response.recist_rules import Size, baseline_size

MAX_TARGETS = 5
"""Largest number of target lesions in all."""

MAX_TARGETS_PER_ORGAN = 2
"""Largest number of target lesions in one organ; all nodes count as one organ."""

NODES = "lymph nodes"
UNKNOWN_SITE = "unknown site"


@dataclass(frozen=True, slots=True)
class BaselineLesion:
    """A lesion at baseline: ``mm`` is its longest diameter, or the short axis of a node."""

    lesion_id: int
    mm: Decimal
    nodal: bool = False
    site: str = ""
    may_be_target: bool = True

    @property
    def organ(self) -> str:
        """Organ it counts for. Lesions of unknown site count as one organ, to be on the safe side.

        Sides are left out of the name, for paired organs are one.
        """
        if self.nodal:
            return NODES
        words = [w for w in self.site.lower().split() if w not in ("left", "right", "bilateral")]
        return " ".join(words) or UNKNOWN_SITE


def propose_targets(
    lesions: Sequence[BaselineLesion], *, slice_mm: Decimal | None
) -> tuple[int, ...]:
    """Choose target lesions: the largest of each organ first, then by size.

    Parameters
    ----------
    lesions : sequence of BaselineLesion
        Everything seen at baseline.
    slice_mm : Decimal or None
        Slice thickness, which decides what is measurable.

    Returns
    -------
    tuple of int
        Lesion ids, largest first; at most five, and two per organ.
    """
    eligible = [
        lesion
        for lesion in lesions
        if lesion.may_be_target
        and baseline_size(lesion.mm, nodal=lesion.nodal, slice_mm=slice_mm) is Size.MEASURABLE
    ]
    by_size = sorted(eligible, key=lambda lesion: (-lesion.mm, lesion.lesion_id))
    largest: dict[str, BaselineLesion] = {}
    for lesion in by_size:
        largest.setdefault(lesion.organ, lesion)
    chosen = list(largest.values())[:MAX_TARGETS]
    count = Counter(lesion.organ for lesion in chosen)
    for lesion in by_size:
        full = len(chosen) >= MAX_TARGETS or count[lesion.organ] >= MAX_TARGETS_PER_ORGAN
        if lesion not in chosen and not full:
            chosen.append(lesion)
            count[lesion.organ] += 1
    return tuple(lesion.lesion_id for lesion in by_size if lesion in chosen)
