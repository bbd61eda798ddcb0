"""Regions of the body and their organs, by the words of headers, protocols and tables.

The only place that knows such words: what a header calls the part examined, what a table calls a
site, and which organs lie in which region.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

BRAIN, LIVER = "brain", "liver"

REGIONS: Mapping[str, tuple[str, ...]] = {
    "head": ("head", "skull", "crani"),
    "neck": ("neck", "cspine"),
    "chest": ("chest", "thora", "tspine"),
    "abdomen": ("abd", "lspine"),
    "pelvis": ("pelvi",),
}
"""Regions and the letters that name them, also within codes like CHESTABDPELVIS."""

LIMBS, LIMB_WORDS = "limbs", frozenset(
    {"extremity", "leg", "arm", "knee", "foot", "hand", "thigh", "shoulder", "hip"}
)  # fmt: skip
"""The limbs are named by words of their own: an arm is no part of a word."""

ORGANS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    BRAIN: ("head", ("brain", "cerebr", "cerebell", "cns", "cranial", "intracranial", "frontal",
                     "parietal", "temporal", "occipital", "thalam", "insula", "ventric", "medulla",
                     "pons", "pontine", "neuro", "glio", "gbm", "encephal")),
    LIVER: ("abdomen", ("liver", "hepat", "hcc", "leber", "foie", "higado")),
    "lung": ("chest", ("lung", "pulmon", "bronch", "pleura", "mediastin")),
    "breast": ("chest", ("breast", "mamma")),
    "bone": ("", ("bone", "osseous", "vertebra", "spine", "rib", "femur", "sternum", "sacrum",
                  "cspine", "tspine", "lspine")),
    "node": ("", ("node", "nodal", "lymph")),
    "kidney": ("abdomen", ("kidney", "renal")),
    "pancreas": ("abdomen", ("pancrea",)),
    "other abdominal": ("abdomen", (
        "adrenal", "spleen", "splen", "periton", "omentum", "stomach", "gastric", "bowel", "colon",
        "colorectal", "mesenter", "retroperiton")),
    "prostate": ("pelvis", ("prostat",)),
    "other pelvic": ("pelvis", ("ovar", "uter", "cervix", "rectum", "rectal", "bladder")),
    "surface": ("", ("skin", "subcutan", "muscle", "soft tissue", "chest wall")),
    "other of the neck": ("neck", ("thyroid", "laryn", "pharyn", "tongue", "tonsil")),
}  # fmt: skip
"""Organs: their region, empty where they lie in all, and beginnings of the words that name them."""

EVERYWHERE = ("whole body", "wholebody", "trunk", "body")
"""Words that name no region in particular."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something lies: an organ, or a region only; both empty where nothing is known."""

    organ: str = ""
    region: str = ""

    def __str__(self) -> str:
        """Name the organ, else the region, else say that it is unknown."""
        return self.organ or self.region or "unknown"

    def may_be_in(self, organ: str) -> bool:
        """Whether it can lie in an organ, as far as is known."""
        if self.organ:
            return self.organ == organ
        return not self.region or ORGANS[organ][0] in ("", self.region)


UNKNOWN = Place()


def place_named(text: str) -> Place:
    """Find the place that a text names; unknown if it names none, or several regions.

    An organ says more than a region; of several organs the first in `ORGANS` is taken.
    """
    words = _words(text)
    organ = next((o for o, (_, starts) in ORGANS.items() if _begins(words, starts)), "")
    if organ:
        return Place(organ, ORGANS[organ][0])
    regions = regions_named(text)
    return Place("", next(iter(regions))) if len(regions) == 1 else UNKNOWN


def regions_named(text: str) -> frozenset[str]:
    """Regions that a header's body part names; all of them for the whole body."""
    words = _words(text)
    if any(f" {w} " in f"{words} " for w in EVERYWHERE):
        return frozenset({*REGIONS, LIMBS})
    found = {region for region, letters in REGIONS.items() if any(x in words for x in letters)}
    found |= {region for region, starts in ORGANS.values() if region and _begins(words, starts)}
    return frozenset(found | ({LIMBS} if LIMB_WORDS & set(words.split()) else set()))


def _words(text: str) -> str:
    return " " + " ".join(re.findall(r"[^\W_]+", text.lower()))


def _begins(words: str, starts: Iterable[str]) -> bool:
    return any(f" {start}" in words for start in starts)


def common_place(texts: Iterable[str]) -> tuple[Place, str]:
    """Join what several headers say about the same patient.

    Parameters
    ----------
    texts : iterable of str
        E.g. the body parts of all series, or their descriptions.

    Returns
    -------
    Place
        The organ that all agree on, else the region, else unknown.
    str
        The text that says so, or why nothing is known.
    """
    said = {text: place for text in texts if (place := place_named(text)) != UNKNOWN}
    if not said:
        return UNKNOWN, "no header names it"
    organs = {place.organ for place in said.values() if place.organ}
    regions = {place.region for place in said.values() if place.region}
    if len(organs) == 1 and len(regions) <= 1:
        return next((p, t) for t, p in said.items() if p.organ)
    if len(regions) == 1:
        region = next(iter(regions))
        return Place("", region), next(iter(said))
    return UNKNOWN, f"headers name several: {', '.join(sorted(set(map(str, said.values()))))}"
