"""File > Open Sample > imgcompare: the phantom cases, whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from imgcompare.model import Role, finish
from imgcompare.phantoms import demo_case
from napari_imgcompare.framing import frame_current_viewer
from napari_imgcompare.layers import LayerData
from napari_imgcompare.opening import offers, open_offers
from napari_imgcompare.tasks import Task

SHOWN_ROLES = (Role.T1C, Role.CT_PORTAL)
"""What is shown at once of each visit; the widget reads the others when they are needed."""


def sample_folder(case: str) -> Path:
    """Give the raw DICOM of a phantom case, made on first use and kept in the user's cache."""
    return finish(demo_case(case))


def demo_task(take: Callable[[Path], None], case: str = "pseudoprogression") -> Task[Path]:
    """Make a phantom case beside the window, then hand over its folder."""
    return Task("Making the phantom", demo_case(case), take)


def open_case(case: str) -> list[LayerData]:
    """Open the post-contrast series of both visits of a case, each in its own space."""
    frame_current_viewer()
    listed = offers([sample_folder(case)])
    chosen = [o for o in listed if o.preferred and o.series[0].role in SHOWN_ROLES]
    return open_offers(chosen)


def pseudoprogression() -> list[LayerData]:
    """Open a course in which the whole lesion grows while its living part shrinks."""
    return open_case("pseudoprogression")


def progression() -> list[LayerData]:
    """Open a course in which the living part grows."""
    return open_case("progression")


def response() -> list[LayerData]:
    """Open a course in which everything shrinks."""
    return open_case("response")


def stable() -> list[LayerData]:
    """Open a course in which nothing changes but the scan."""
    return open_case("stable")


def mixed() -> list[LayerData]:
    """Open a course in which one lesion shrinks, one grows and one is new."""
    return open_case("mixed")


def cystic_conversion() -> list[LayerData]:
    """Open a course in which solid tissue turns into fluid."""
    return open_case("cystic_conversion")


def disagreement() -> list[LayerData]:
    """Open a course on which response criteria disagree."""
    return open_case("disagreement")
