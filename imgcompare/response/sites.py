"""Tells by the words of a site which organ a lesion lies in."""

from __future__ import annotations

from functools import cache

LIVER, BRAIN = "liver", "brain"

ORGAN_WORDS = {
    LIVER: ("liver", "hepatic", "hepatis", "hepar"),
    BRAIN: ("brain", "cerebr", "cerebell", "cns", "cranial", "frontal", "parietal", "temporal",
            "occipital", "thalam", "insula", "ventric", "medulla"),
    "lung": ("lung", "pulmon", "bronch", "pleura", "mediastin", "thorac"),
    "bone": ("bone", "osseous", "vertebra", "spine", "rib", "femur", "sternum", "sacrum"),
    "node": ("node", "nodal", "lymph"),
    "abdomen": ("adrenal", "spleen", "kidney", "renal", "pancrea", "periton", "omentum", "stomach",
                "gastric", "bowel", "colon", "colorectal", "rectum", "mesenter", "bladder",
                "abdom", "retroperiton"),
    "pelvis": ("pelvi", "ovar", "uter", "prostat", "cervix"),
    "surface": ("skin", "subcutan", "muscle", "soft tissue", "breast", "chest wall"),
    "neck": ("neck", "thyroid", "laryn", "pharyn", "tongue", "tonsil"),
}  # fmt: skip
"""Beginnings of the words that name an organ."""


@cache
def organ_named(site: str) -> str | None:
    """Organ that a site names, None if it names none that is known."""
    words = site.lower().replace("-", " ").replace("_", " ").replace("/", " ").split()
    text = " " + " ".join(words)
    for organ, beginnings in ORGAN_WORDS.items():
        if any(f" {beginning}" in text for beginning in beginnings):
            return organ
    return None


def is_elsewhere(site: str, organ: str) -> bool:
    """Whether a site names another organ; one that names none is taken to be in this one."""
    return organ_named(site) not in (None, organ)
