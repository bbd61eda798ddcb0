"""What comparability reads of a series: attributes of headers, and what follows from them."""

from __future__ import annotations

import re

from imgcompare.model import Role, Series, regions_named

GAP_RATIO = 1.05
"""Planes further apart than this many thicknesses leave a gap; headers round to a few percent."""

FAT_WORDS = frozenset({"FS", "SFS", "SPIR", "SPAIR"})
"""Scan options that suppress fat, beside those that write it out (FATSAT, FAT_SAT)."""

LEAST_TILT_DEG = 1.0
STRAIGHT_COSINE = 0.99995
"""Slices closer to the axial plane than half of the least tilt show none."""

RESAMPLED = frozenset({"RESAMPLED", "REFORMATTED", "MPR"})

WITH_CONTRAST = frozenset({Role.T1C, Role.CT_ARTERIAL, Role.CT_PORTAL, Role.CT_DELAYED})
WITHOUT_CONTRAST = frozenset({Role.T1, Role.CT_PRE})
PHASES = frozenset({Role.CT_ARTERIAL, Role.CT_PORTAL, Role.CT_DELAYED})
T1_WEIGHTED = frozenset({Role.T1, Role.T1C})

SMOOTH, SHARP = "smooth", "sharp"


def kernel_class(kernel: str) -> str:
    """Tell smooth from sharp reconstruction kernels by the makers' names; empty if unknown."""
    name = kernel.upper().split("\\")[0].strip()
    if name in {"BONE", "BONEPLUS", "LUNG", "EDGE", "ULTRA", "L", "D", "YA", "YB", "YC", "YD"}:
        return SHARP
    if name in {"STANDARD", "SOFT", "DETAIL", "STND", "A", "B", "C"}:
        return SMOOTH
    siemens = re.fullmatch(r"[A-Z]{1,2}(\d{2})[A-Z]?", name)
    if siemens and not name.startswith("FC"):
        return SHARP if int(siemens.group(1)) >= 50 else SMOOTH
    toshiba = re.fullmatch(r"FC(\d{2})", name)
    if toshiba:
        return SMOOTH if int(toshiba.group(1)) < 30 else SHARP
    return ""


def has_contrast(series: Series) -> bool | None:
    """Whether a series was acquired after contrast; None if its header and role do not tell."""
    if series.role in WITH_CONTRAST or series.acquisition.contrast_agent:
        return True
    return False if series.role in WITHOUT_CONTRAST else None


def fat_suppressed(series: Series) -> bool | None:
    """Whether fat is suppressed, by the headers; None if they do not say.

    ``SpectrallySelectedSuppression`` says which spectrum, ``ScanOptions`` names it in short.
    """
    selected, options = series.acquisition.fat_suppression, series.acquisition.scan_options
    if selected is not None:
        return "FAT" in selected.upper()
    if options is None:
        return None
    return any(w in FAT_WORDS or ("FAT" in w and "SAT" in w) for w in _words(options))


def tilt_not_shown(series: Series) -> float | None:
    """Gantry tilt in degrees that the positions of the slices do not show, 0 where they do.

    Slices of a tilted gantry lie askew, unless they were resampled afterwards.
    """
    tilt = series.acquisition.gantry_tilt_deg
    if tilt is None:
        return None
    straight = series.geometry.is_orthogonal and abs(slice_normal(series)[2]) > STRAIGHT_COSINE
    resampled = bool(RESAMPLED & {v.upper() for v in series.acquisition.image_type})
    return abs(tilt) if abs(tilt) >= LEAST_TILT_DEG and straight and not resampled else 0.0


def _words(text: str) -> frozenset[str]:
    return frozenset(w.strip().upper() for w in re.split(r"[\\,; ]+", text) if w.strip())


def body_regions(series: Series) -> frozenset[str]:
    """Regions of the body that a header names; empty if it names none that is known."""
    return regions_named(series.acquisition.body_part or "")


def image_type(series: Series) -> str | None:
    """Values of ImageType in one word; None if not recorded."""
    values = [v.upper() for v in series.acquisition.image_type]
    return "\\".join(values) or None


def sequence(series: Series) -> str | None:
    """Pulse sequence, variant and 2D or 3D in one word; None if not recorded."""
    a = series.acquisition
    words = [sorted(_words(t)) for t in (a.scanning_sequence, a.sequence_variant) if t]
    kind = [a.acquisition_type.upper()] if a.acquisition_type else []
    return " ".join(["+".join(w) for w in words] + kind) or None


def gap_mm(series: Series) -> float | None:
    """Gap between slices; None where thickness is not recorded."""
    thickness = series.acquisition.slice_thickness_mm
    if not thickness:
        return None
    spacing = series.geometry.slice_spacing_mm
    return spacing - thickness if spacing > GAP_RATIO * thickness else 0.0


def slice_normal(series: Series) -> tuple[float, ...]:
    """Direction from slice to slice, LPS."""
    return tuple(float(v) for v in series.geometry.directions[:, 0])


def kind_of_image(series: Series) -> str:
    """Family of images in which lesions look alike."""
    if series.modality != "MR":
        return series.modality
    return "T1" if series.role in T1_WEIGHTED else series.role.value


def contrast_phase(series: Series) -> str | None:
    """Phase of a CT series by its role; None if the role names none."""
    return series.role.value if series.role in PHASES | {Role.CT_PRE} else None
