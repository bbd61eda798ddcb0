"""Codes that DICOM objects are written with: public ones where there are, else 99IMGCMP.

References
----------
DICOM PS3.16 (DCM; context groups 6146, 6147, 7151, 7469), SNOMED CT, NCI Thesaurus, UMLS, IBSI,
UCUM. The private scheme 99IMGCMP is described in docs/outputs.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pydicom.sr.coding import Code

from imgcompare.model import WHOLE, Exceeds, Lesion, LesionRole, Measurement, Tissue

PRIVATE_SCHEME = "99IMGCMP"
PRIVATE_SCHEME_NAME = "imgcompare: changes, sums and response categories"

ABNORMAL_STRUCTURE = Code("49755003", "SCT", "Morphologically Abnormal Structure")
LESION = Code("52988006", "SCT", "Lesion")

FINDINGS: Mapping[str, Code] = MappingProxyType(
    {
        WHOLE: LESION,
        Tissue.ENHANCING: Code("C113842", "NCIt", "Enhancing Lesion"),
        Tissue.NON_ENHANCING: Code("C81175", "NCIt", "Non-Enhancing Lesion"),
        Tissue.NECROTIC: Code("6574001", "SCT", "Necrosis"),
        Tissue.OEDEMA: Code("79654002", "SCT", "Edema"),
        Tissue.CYSTIC: Code("367643001", "SCT", "Cyst"),
        Tissue.HAEMORRHAGE: Code("50960005", "SCT", "Hemorrhage"),
    }
)
"""What a compartment is found to be."""

_SITES = (
    (("node", "nodal", "lymph"), Code("59441001", "SCT", "Lymph Node")),
    (("liver", "hepat"), Code("10200004", "SCT", "Liver")),
    (("lung", "pulmon"), Code("39607008", "SCT", "Lung")),
    (
        ("brain", "cerebr", "cerebell", "frontal", "parietal", "temporal", "occipital"),
        Code("12738006", "SCT", "Brain"),
    ),
)
"""Beginnings of the words that name a site."""

MILLIMETRE = Code("mm", "UCUM", "millimeter")
CUBIC_CENTIMETRE = Code("cm3", "UCUM", "cubic centimeter")
PERCENT = Code("%", "UCUM", "Percent")
DAY = Code("d", "UCUM", "day")
NO_UNITS = Code("1", "UCUM", "no units")

UNITS: Mapping[str, Code] = MappingProxyType(
    {
        "mm": MILLIMETRE,
        "mm2": Code("mm2", "UCUM", "square millimeter"),
        "mL": CUBIC_CENTIMETRE,
        "HU": Code("[hnsf'U]", "UCUM", "Hounsfield unit"),
        "%": PERCENT,
        "SUV": Code("{SUVbw}g/ml", "UCUM", "Standardized Uptake Value body weight"),
        "MR signal": Code("[arb'U]", "UCUM", "arbitrary unit"),
    }
)
"""1 mL is written as 1 cm3."""

MEAN = Code("373098007", "SCT", "Mean")
STANDARD_DEVIATION = Code("386136009", "SCT", "Standard Deviation")
BASELINE = Code("C1442488", "UMLS", "Baseline")
CURRENT_RESPONSE = Code("112048", "DCM", "Current Response")
WHOLE_VOXELS = Code("126030", "DCM", "Sum of segmented voxel method for volume")


def private(value: str, meaning: str) -> Code:
    """Give a code of the private scheme."""
    return Code(value, PRIVATE_SCHEME, meaning)


VOXEL_FRACTIONS = private("VOXEL_FRACTIONS", "Sum of the filled parts of voxels")

QUANTITIES: Mapping[str, tuple[str, Code]] = MappingProxyType(
    {
        "volume": ("VOL", Code("118565006", "SCT", "Volume")),
        "longest_diameter": ("LD", Code("103339001", "SCT", "Long axis")),
        "perpendicular_diameter": ("PD", Code("131189007", "SCT", "Perpendicular Axis")),
        "short_axis": ("SA", Code("103340004", "SCT", "Short axis")),
        "diameter_3d": ("D3D", Code("L0JK", "IBSI", "Maximum 3D Diameter of a Mesh")),
        "bidimensional_product": ("BP", private("BP", "Longest times perpendicular diameter")),
        "mean_enhancement": ("ENH", private("ENH", "Mean enhancement over CT before contrast")),
    }
)
"""Start of the private codes of its changes, and the code of a quantity."""

_IMAGE_VALUES: Mapping[str, Code] = MappingProxyType(
    {
        "HU": Code("112031", "DCM", "Attenuation Coefficient"),
        "MR signal": Code("110852", "DCM", "MR signal intensity"),
        "SUV": Code("126401", "DCM", "SUVbw"),
    }
)

REFERENCES: Mapping[str, str] = MappingProxyType(
    {"baseline": "BASE", "nadir": "NADIR", "previous": "PREV"}
)
"""End of the private code of a change, by what it is measured against."""

EXCEEDS: Mapping[Exceeds, Code] = MappingProxyType(
    {
        Exceeds.YES: Code("373066001", "SCT", "Yes"),
        Exceeds.NO: Code("373067005", "SCT", "No"),
        Exceeds.BORDERLINE: private("BORDERLINE", "Borderline"),
        Exceeds.UNKNOWN: Code("261665006", "SCT", "Unknown"),
    }
)

ROLE_QUESTION = private("LESION_ROLE", "Part of the lesion in response assessment")

ROLES: Mapping[LesionRole, Code] = MappingProxyType(
    {
        LesionRole.TARGET: Code("112074", "DCM", "Target Lesion at Baseline"),
        LesionRole.NON_TARGET: Code("112075", "DCM", "Non-Target Lesion at Baseline"),
        LesionRole.NEW: private("NEW_LESION", "Lesion first seen after baseline"),
    }
)

TARGET_RESPONSE = private("TARGET_RESPONSE", "Response of the target lesions")

TARGET_RESPONSES: Mapping[str, Code] = MappingProxyType(
    {
        "recist-1.1/target-cr": Code("112041", "DCM", "Target Lesion Complete Response"),
        "recist-1.1/target-pr": Code("112042", "DCM", "Target Lesion Partial Response"),
        "recist-1.1/target-pd": Code("112043", "DCM", "Target Lesion Progressive Disease"),
        "recist-1.1/target-sd": Code("112044", "DCM", "Target Lesion Stable Disease"),
    }
)
"""Rules of RECIST 1.1 that decide on targets; DICOM has these codes for RECIST only."""

_CRITERIA: Mapping[str, Code] = MappingProxyType(
    {
        "RECIST 1.1": Code("126081", "DCM", "RECIST 1.1"),
        "WHO 1981": Code("112029", "DCM", "WHO"),
        "RANO-HGG 2010": Code("C114879", "NCIt", "RANO"),
    }
)
"""Criteria that context group 6147 names."""

COMPARABILITY = private("COMPARABILITY", "Worst difference between two acquisitions")


def site_of(lesion: Lesion) -> Code | None:
    """Code of a lesion's site; None where its words name none that is known."""
    words = lesion.site.lower().replace("-", " ").replace("_", " ").split()
    words += ["node"] if lesion.nodal else []
    for beginnings, code in _SITES:
        if any(word.startswith(beginnings) for word in words):
            return code
    return None


def name_of(measurement: Measurement) -> tuple[Code, Code | None]:
    """Give the concept of a figure, and how it was derived from voxels."""
    if measurement.quantity in QUANTITIES:
        return QUANTITIES[measurement.quantity][1], None
    value = _IMAGE_VALUES.get(measurement.unit, private("IMAGE_VALUE", "Image value"))
    return value, STANDARD_DEVIATION if measurement.quantity.startswith("sd_") else MEAN


def change_code(quantity: str, reference: str, *, what: str, words: str) -> Code:
    """Give the private code of a change, for example LD_PCT_BASE."""
    start = QUANTITIES[quantity][0]
    meaning = f"{words} of {quantity.replace('_', ' ')} against {reference}"
    return private(f"{start}_{what}_{REFERENCES[reference]}", meaning)


def criterion_code(name: str) -> Code:
    """Give the code of a criterion; a private one where DICOM has none."""
    letters = "".join(c if c.isalnum() else "_" for c in name.upper())
    return _CRITERIA.get(name, private(letters, name))


def unit_of(unit: str) -> Code:
    """Give the UCUM code of a unit as tables write it."""
    return UNITS.get(unit, NO_UNITS)
