"""Ready-made scan protocols: which series is acquired how."""

from __future__ import annotations

from collections.abc import Mapping

from imgcompare.model import Role
from imgcompare.phantoms.settings import ScanSettings


def full_protocol(body: str) -> Mapping[Role, ScanSettings]:
    """Give the full-size protocol.

    Head: 192 slices of 256×256 at 1 mm, T1, T1C and FLAIR sagittal, T2 axial and slightly oblique.
    Abdomen: 105 axial CT slices of 512×512 at 2 × 0.76 × 0.76 mm.
    """
    if body == "abdomen":
        ct = ScanSettings(spacing_mm=(2.0, 0.76, 0.76), matrix=(105, 512, 512), noise_hu=11.0)
        return dict.fromkeys((Role.CT_PRE, Role.CT_ARTERIAL, Role.CT_PORTAL), ct)
    sagittal = ScanSettings(matrix=(192, 256, 256), plane="sagittal")
    axial = ScanSettings(matrix=(192, 256, 256), oblique_deg=(-6.0, 0.0, 1.5))
    return {Role.T1: sagittal, Role.T1C: sagittal, Role.T2: axial, Role.FLAIR: sagittal}


def tiny_protocol() -> Mapping[Role, ScanSettings]:
    """Give the protocol of the committed sample: thick slices that make few, small files."""
    axial = ScanSettings(spacing_mm=(5.0, 3.0, 3.0), matrix=(24, 72, 60), noise=0.015)
    oblique = ScanSettings(
        spacing_mm=(5.0, 3.0, 3.0), matrix=(24, 72, 60), oblique_deg=(-5.0, 0.0, 0.0), noise=0.015
    )
    return {Role.T1: axial, Role.T1C: axial, Role.T2: oblique, Role.FLAIR: oblique}
