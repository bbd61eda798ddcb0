"""Where the lesions of a comparison lie: as a person says, else as the headers do."""

from __future__ import annotations

import re
from collections.abc import Sequence

from imgcompare.model import BRAIN, UNKNOWN, Place, Series, Timepoint, common_place
from imgcompare.pipeline.journal import Journal

HEAD = "head"

NO_PLACE = re.compile(r"\b(frontal|temporal|parietal|occipital|neck|body|arm|leg|hand|hip|foot)\w*")
"""Words of descriptions that may name a plane, a resolution or a coil."""


def site_of_images(timepoints: Sequence[Timepoint], given: str, journal: Journal) -> str:
    """Site of all lesions that have none of their own; empty where nobody knows.

    BodyPartExamined counts first, then the descriptions of the series, of all visits together.
    Images of the head are taken for the brain, for that is what is segmented in them.
    """
    if given:
        return given
    series = [s for one in timepoints for s in one.series.values()]
    place, why = _told(series)
    site = "" if place == UNKNOWN else str(place)
    if site == HEAD:
        site = BRAIN
    advice = "" if site else "; criteria of every organ are listed, name it with --site"
    reason = f"{journal.hide(why)}{advice}"  # descriptions may hold a name
    journal.decide("lesions", choice=f"site: {site or 'unknown'}", reason=reason)
    return site


def _told(series: Sequence[Series]) -> tuple[Place, str]:
    place, text = common_place(s.acquisition.body_part or "" for s in series)
    if place != UNKNOWN:
        return place, f"body part {text!r} in the headers"
    again, words = common_place(NO_PLACE.sub("", s.description.lower()) for s in series)
    if again != UNKNOWN and text == "no header names it":
        return again, f"{words.strip()!r} in the descriptions of the series"
    return UNKNOWN, text
