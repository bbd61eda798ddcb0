"""Whether a lesion lies in the organ that a criterion is made for, by the words of its site."""

from __future__ import annotations

from functools import cache

from imgcompare.model import BRAIN, LIVER, UNKNOWN, Place, place_named

__all__ = ["BRAIN", "LIVER", "is_elsewhere", "is_known", "place_of"]


@cache
def place_of(site: str) -> Place:
    """Organ or region that a site names."""
    return place_named(site)


def is_elsewhere(site: str, organ: str) -> bool:
    """Whether a site names another organ or region; one that names none may be in this one."""
    return not place_of(site).may_be_in(organ)


def is_known(site: str) -> bool:
    """Whether a site names an organ or a region."""
    return place_of(site) != UNKNOWN
