"""What each part of the bodies is made of: MR relaxation, CT attenuation, contrast uptake."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from imgcompare.model import Tissue


class Part(IntEnum):
    """Normal anatomy of both bodies; lesion tissues have codes of their own (see _lesion)."""

    AIR = 0
    SKIN = 1
    FAT = 2
    MUSCLE = 3
    BONE = 4
    MARROW = 5
    DURA = 6
    CSF = 7
    GREY = 8
    WHITE = 9
    DEEP_GREY = 10
    PLEXUS = 11
    SINUS = 12
    ARTERY = 13
    VITREOUS = 14
    LENS = 15
    MUCOSA = 16
    FLUID = 17
    CARTILAGE = 18
    CEREBELLAR_GREY = 19
    GLAND = 20
    BOWEL_GAS = 21
    LIVER = 22
    SPLEEN = 23
    CORTEX = 24
    MEDULLA = 25
    URINE = 26
    AORTA = 27
    CAVA = 28
    PORTAL = 29
    HEPATIC_VEIN = 30
    PANCREAS = 31
    BOWEL_WALL = 32
    BOWEL_FLUID = 33
    BILE = 34
    LUNG = 35
    DISC = 36
    COUCH = 37
    FASCIA = 38
    CANAL = 39


@dataclass(frozen=True, slots=True)
class MrTissue:
    """Relaxation times (ms) at 3 T, proton density relative to water, contrast uptake.

    ``uptake`` is the rise of 1/T1 (1/s) a few minutes after a standard gadolinium dose,
    ``flow`` the part of the spin-echo signal that flowing blood keeps, and ``texture`` the
    relative spread of the signal inside the tissue.
    """

    t1_ms: float
    t2_ms: float
    density: float
    uptake: float = 0.0
    flow: float = 1.0
    texture: float = 0.02


@dataclass(frozen=True, slots=True)
class CtTissue:
    """Attenuation in HU before contrast, in the arterial and in the portal venous phase."""

    pre: float
    arterial: float
    portal: float
    texture_hu: float = 2.0


# Relaxation at 3 T: Stanisz 2005 (10.1002/mrm.20605), Wansapura 1999 for brain, rounded.
MR_PARTS: dict[Part, MrTissue] = {
    Part.AIR: MrTissue(1.0, 1.0, 0.0, texture=0.0),
    Part.SKIN: MrTissue(1100.0, 38.0, 0.70, 0.25, texture=0.05),
    Part.FAT: MrTissue(370.0, 105.0, 0.82, 0.02, texture=0.08),
    Part.MUSCLE: MrTissue(1400.0, 40.0, 0.78, 0.10, texture=0.06),
    Part.BONE: MrTissue(900.0, 8.0, 0.06, texture=0.10),
    Part.MARROW: MrTissue(520.0, 70.0, 0.42, 0.05, texture=0.15),
    Part.DURA: MrTissue(1300.0, 35.0, 0.45, 1.5, texture=0.10),
    Part.CSF: MrTissue(4000.0, 1500.0, 1.00, texture=0.01),
    Part.GREY: MrTissue(1350.0, 95.0, 0.82, 0.02, texture=0.025),
    Part.WHITE: MrTissue(850.0, 70.0, 0.70, 0.01, texture=0.015),
    Part.DEEP_GREY: MrTissue(1150.0, 80.0, 0.78, 0.02, texture=0.025),
    Part.PLEXUS: MrTissue(1700.0, 160.0, 0.90, 2.2, texture=0.10),
    Part.SINUS: MrTissue(1650.0, 120.0, 0.88, 3.2, flow=0.25, texture=0.06),
    Part.ARTERY: MrTissue(1650.0, 120.0, 0.88, 3.0, flow=0.10, texture=0.06),
    Part.VITREOUS: MrTissue(3900.0, 1300.0, 0.99, texture=0.01),
    Part.LENS: MrTissue(1200.0, 28.0, 0.70),
    Part.MUCOSA: MrTissue(1500.0, 140.0, 0.85, 1.5, texture=0.12),
    Part.FLUID: MrTissue(2300.0, 420.0, 0.95, texture=0.03),
    Part.CARTILAGE: MrTissue(1100.0, 35.0, 0.60, 0.05, texture=0.08),
    Part.CEREBELLAR_GREY: MrTissue(1250.0, 92.0, 0.81, 0.02, texture=0.025),
    Part.GLAND: MrTissue(1000.0, 90.0, 0.80, 0.60, texture=0.08),
}

CT_PARTS: dict[Part, CtTissue] = {
    Part.AIR: CtTissue(-1000.0, -1000.0, -1000.0, 0.0),
    Part.SKIN: CtTissue(10.0, 15.0, 25.0),
    Part.FAT: CtTissue(-105.0, -105.0, -103.0, 5.0),
    Part.MUSCLE: CtTissue(52.0, 56.0, 66.0, 5.0),
    Part.FASCIA: CtTissue(5.0, 8.0, 15.0, 6.0),
    Part.BONE: CtTissue(560.0, 560.0, 565.0, 70.0),
    Part.MARROW: CtTissue(190.0, 200.0, 210.0, 35.0),
    Part.DISC: CtTissue(85.0, 87.0, 92.0, 5.0),
    Part.CARTILAGE: CtTissue(100.0, 100.0, 105.0, 12.0),
    Part.CANAL: CtTissue(25.0, 27.0, 32.0),
    Part.BOWEL_GAS: CtTissue(-960.0, -960.0, -960.0, 5.0),
    Part.LIVER: CtTissue(58.0, 70.0, 112.0, 2.5),
    Part.SPLEEN: CtTissue(48.0, 120.0, 122.0, 5.0),
    Part.CORTEX: CtTissue(34.0, 165.0, 178.0, 6.0),
    Part.MEDULLA: CtTissue(32.0, 62.0, 150.0, 6.0),
    Part.URINE: CtTissue(4.0, 5.0, 8.0, 1.0),
    Part.AORTA: CtTissue(42.0, 305.0, 152.0, 3.0),
    Part.CAVA: CtTissue(41.0, 82.0, 138.0, 6.0),
    Part.PORTAL: CtTissue(41.0, 92.0, 165.0, 3.0),
    Part.HEPATIC_VEIN: CtTissue(41.0, 56.0, 152.0, 3.0),
    Part.PANCREAS: CtTissue(40.0, 98.0, 92.0, 8.0),
    Part.BOWEL_WALL: CtTissue(38.0, 68.0, 88.0, 6.0),
    Part.BOWEL_FLUID: CtTissue(18.0, 18.0, 20.0, 8.0),
    Part.BILE: CtTissue(8.0, 8.0, 9.0, 1.0),
    Part.LUNG: CtTissue(-855.0, -850.0, -848.0, 28.0),
    Part.COUCH: CtTissue(-780.0, -780.0, -780.0, 15.0),
    Part.GLAND: CtTissue(30.0, 70.0, 65.0, 4.0),
}

# A high-grade lesion at 3 T. Necrosis is bright on T2 and not wholly suppressed on FLAIR; a cyst is
# like CSF on every sequence; old blood (methaemoglobin) is bright on T1 before contrast.
MR_LESION: dict[Tissue, MrTissue] = {
    Tissue.ENHANCING: MrTissue(1450.0, 110.0, 0.86, 2.3, texture=0.06),
    Tissue.NECROTIC: MrTissue(2350.0, 225.0, 0.95, 0.02, texture=0.03),
    Tissue.CYSTIC: MrTissue(3850.0, 1350.0, 0.99, texture=0.01),
    Tissue.NON_ENHANCING: MrTissue(1500.0, 125.0, 0.87, 0.02, texture=0.03),
    Tissue.HAEMORRHAGE: MrTissue(420.0, 60.0, 0.85, 0.02, texture=0.04),
    Tissue.OEDEMA: MrTissue(1450.0, 140.0, 0.86, 0.01, texture=0.03),
}

CT_LESION: dict[Tissue, CtTissue] = {
    Tissue.ENHANCING: CtTissue(44.0, 128.0, 98.0, 5.0),
    Tissue.NECROTIC: CtTissue(22.0, 22.5, 23.0, 2.0),
    Tissue.CYSTIC: CtTissue(8.0, 8.0, 8.0, 1.0),
    Tissue.NON_ENHANCING: CtTissue(40.0, 44.0, 46.0, 2.0),
    Tissue.HAEMORRHAGE: CtTissue(66.0, 66.0, 66.0, 4.0),
    Tissue.OEDEMA: CtTissue(50.0, 56.0, 80.0, 2.0),
}
