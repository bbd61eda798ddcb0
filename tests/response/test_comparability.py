"""criteria.md §6, "Comparability rules": each row of the table, and what a missing tag counts."""

import datetime as dt
from dataclasses import replace
from functools import partial

import pytest

from imgcompare.model import Acquisition, Concern, Measurement, Role, Series, Severity, Timepoint
from imgcompare.response.comparability import compare_acquisitions, withhold
from imgcompare.response.comparability_reading import kernel_class
from tests.builders import make_geometry, make_volume

CT = Acquisition(
    slice_thickness_mm=1.0, contrast_agent="Iomeprol", contrast_volume_ml=90.0,
    manufacturer="A", model="M", software="1", device_serial="7", kvp=120.0,
    convolution_kernel="B30f", tube_current_ma=200.0, image_type=("ORIGINAL", "PRIMARY"),
    body_part="ABDOMEN", seconds_after_contrast=70.0, ctdi_vol_mgy=5.0, gantry_tilt_deg=0.0,
    reconstruction_algorithm="FILTER_BACK_PROJ",
)  # fmt: skip
MR = Acquisition(
    slice_thickness_mm=1.0, contrast_agent="Gadobutrol", contrast_volume_ml=7.5,
    manufacturer="A", model="M", software="1", device_serial="7", field_strength_t=3.0,
    scanning_sequence="GR\\IR", sequence_variant="SP\\MP", acquisition_type="3D",
    repetition_time_ms=2000.0, echo_time_ms=3.0, inversion_time_ms=900.0, flip_angle_deg=9.0,
    scan_options="FS", image_type=("ORIGINAL", "PRIMARY"), body_part="HEAD",
    seconds_after_contrast=300.0,
)  # fmt: skip
GRID = partial(make_geometry, (4, 8, 8), spacing_mm=(1.0, 1.0, 1.0))


def series(acquisition, *, role=None, modality="", grid=None):
    volume = make_volume(grid or GRID())
    modality = modality or ("CT" if acquisition.kvp else "MR")
    role = role or (Role.CT_PORTAL if modality == "CT" else Role.T1C)
    return Series(
        "1.2", modality, role, "", "", volume.geometry, acquisition, (), lambda: volume
    )  # fmt: skip


def visits(count, *, days=42):
    start = dt.date(2024, 1, 10)
    return [Timepoint(n, start + dt.timedelta(days=days * n), (), {}) for n in range(count)]


def compared(a, b, **options):
    return compare_acquisitions(visits(2), [a, b], **options)


def severities(acquisition, later=None, **changes):
    """Severity by (check, concern) when some attributes of the later series differ."""
    b = later or series(replace(acquisition, **changes))
    found = compared(series(acquisition), b)
    return {(f.check, c): f.severity for f in found for c in f.concerns}


def test_equal_acquisitions_have_no_findings():
    assert compared(series(CT), series(CT)) == ()
    assert compared(series(MR), series(MR)) == ()


SIZE, VOLUME, HU = Concern.SIZE, Concern.VOLUME, Concern.INTENSITY
UPTAKE, EVERY, DIAMETER = Concern.ENHANCEMENT, Concern.ALL, Concern.DIAMETER
TABLE = [
    (CT, {"slice_thickness_mm": 1.09}, "slice thickness", SIZE, None),
    (CT, {"slice_thickness_mm": 1.6}, "slice thickness", SIZE, Severity.MINOR),
    (CT, {"slice_thickness_mm": 2.0}, "slice thickness", SIZE, Severity.MAJOR),
    (CT, {"slice_thickness_mm": 5.0}, "slice thickness", SIZE, Severity.MAJOR),
    (CT, {"convolution_kernel": "B30f"}, "reconstruction kernel", VOLUME, None),
    (CT, {"convolution_kernel": "B31f"}, "reconstruction kernel", VOLUME, Severity.MINOR),
    (CT, {"convolution_kernel": "B31f"}, "reconstruction kernel", HU, Severity.MAJOR),
    (CT, {"convolution_kernel": "B70f"}, "reconstruction kernel", VOLUME, Severity.MAJOR),
    (CT, {"kvp": 101.0}, "tube voltage", SIZE, None),
    (CT, {"kvp": 100.0}, "tube voltage", SIZE, Severity.MINOR),
    (CT, {"kvp": 100.0}, "tube voltage", HU, Severity.MAJOR),
    (CT, {"tube_current_ma": 400.0}, "tube current", SIZE, None),
    (CT, {"tube_current_ma": 401.0}, "tube current", SIZE, Severity.MINOR),
    (CT, {"ctdi_vol_mgy": 10.0}, "dose (CTDIvol)", SIZE, None),
    (CT, {"ctdi_vol_mgy": 10.1}, "dose (CTDIvol)", SIZE, Severity.MINOR),
    (CT, {"reconstruction_algorithm": "ITERATIVE"}, "reconstruction algorithm", HU, Severity.MAJOR),
    (CT, {"contrast_volume_ml": 109.0}, "contrast volume", UPTAKE, Severity.MINOR),
    (CT, {"gantry_tilt_deg": 0.5}, "gantry tilt", EVERY, None),
    (CT, {"gantry_tilt_deg": -12.0}, "gantry tilt", EVERY, Severity.BLOCK),
    (
        CT,
        {"gantry_tilt_deg": -12.0, "image_type": ("ORIGINAL", "RESAMPLED")},
        "gantry tilt",
        EVERY,
        None,
    ),
    (CT, {"lossy": True}, "lossy compression", SIZE, Severity.MAJOR),
    (CT, {"image_type": ("DERIVED", "PRIMARY")}, "image type", EVERY, Severity.BLOCK),
    (CT, {"image_type": ("ORIGINAL", "LOCALIZER")}, "image type", EVERY, Severity.BLOCK),
    (CT, {"image_type": ("ORIGINAL", "SUBTRACTED")}, "image type", EVERY, Severity.BLOCK),
    (CT, {"body_part": "CHEST"}, "body region", EVERY, Severity.BLOCK),
    (CT, {"body_part": "LIVER"}, "body region", EVERY, None),
    (CT, {"contrast_agent": "Iohexol"}, "contrast agent", UPTAKE, Severity.MINOR),
    (CT, {"seconds_after_contrast": 90.0}, "delay after contrast", UPTAKE, None),
    (CT, {"seconds_after_contrast": 91.0}, "delay after contrast", UPTAKE, Severity.MINOR),
    (MR, {"contrast_agent": "Gadobenate"}, "contrast agent", UPTAKE, Severity.MAJOR),
    (MR, {"seconds_after_contrast": 239.0}, "delay after contrast", UPTAKE, Severity.MAJOR),
    (MR, {"seconds_after_contrast": 601.0}, "delay after contrast", UPTAKE, Severity.MAJOR),
    (MR, {"seconds_after_contrast": 600.0}, "delay after contrast", UPTAKE, None),
    (MR, {"manufacturer": "B"}, "manufacturer", EVERY, Severity.MINOR),
    (MR, {"model": "N"}, "scanner model", EVERY, Severity.INFO),
    (MR, {"software": "2"}, "software", EVERY, Severity.INFO),
    (MR, {"field_strength_t": 1.5}, "field strength", HU, Severity.MAJOR),
    (MR, {"field_strength_t": 1.5}, "field strength", SIZE, Severity.MINOR),
    (MR, {"field_strength_t": 2.9}, "field strength", HU, None),
    (MR, {"acquisition_type": "2D"}, "pulse sequence", SIZE, Severity.MAJOR),
    (MR, {"scanning_sequence": "SE"}, "pulse sequence", SIZE, Severity.MAJOR),
    (MR, {"scanning_sequence": "IR\\GR"}, "pulse sequence", SIZE, None),
    (MR, {"repetition_time_ms": 2400.0}, "repetition time", UPTAKE, None),
    (MR, {"repetition_time_ms": 2500.0}, "repetition time", UPTAKE, Severity.MINOR),
    (MR, {"echo_time_ms": 4.6}, "echo time", UPTAKE, Severity.MAJOR),
    (MR, {"flip_angle_deg": 12.0}, "flip angle", UPTAKE, Severity.MINOR),
    (MR, {"inversion_time_ms": 1080.0}, "inversion time", UPTAKE, Severity.MINOR),
    (MR, {"scan_options": "PFP"}, "fat suppression", UPTAKE, Severity.MAJOR),
    (MR, {"scan_options": "SAT1\\FAT_SAT"}, "fat suppression", UPTAKE, None),
    (MR, {"scan_options": None, "fat_suppression": "FAT"}, "fat suppression", UPTAKE, None),
    (MR, {"fat_suppression": "FAT_AND_WATER"}, "fat suppression", UPTAKE, None),
    (MR, {"fat_suppression": "NONE"}, "fat suppression", UPTAKE, Severity.MAJOR),
    (MR, {"fat_suppression": "WATER"}, "fat suppression", UPTAKE, Severity.MAJOR),
]


@pytest.mark.parametrize(("base", "change", "check", "concern", "severity"), TABLE)
def test_the_table_of_attributes(base, change, check, concern, severity):
    assert severities(base, **change).get((check, concern)) is severity


def test_thick_slices_matter_to_volumes_before_they_matter_to_diameters():
    found = severities(replace(CT, slice_thickness_mm=2.0), slice_thickness_mm=3.5)
    assert found["slice thickness", VOLUME] is Severity.MAJOR
    assert found["slice thickness", DIAMETER] is Severity.MINOR


@pytest.mark.parametrize(
    ("base", "missing", "check", "severity"),
    [
        (CT, {"slice_thickness_mm": None}, "slice thickness", Severity.MINOR),
        (CT, {"convolution_kernel": None}, "reconstruction kernel", Severity.MINOR),
        (CT, {"kvp": 120.0, "tube_current_ma": None}, "tube current", Severity.INFO),
        (CT, {"image_type": ()}, "image type", Severity.MAJOR),
        (MR, {"scan_options": None}, "fat suppression", Severity.MINOR),
        (MR, {"seconds_after_contrast": None}, "delay after contrast", Severity.MINOR),
    ],
)
def test_a_missing_attribute_counts_one_level_below_its_rule(base, missing, check, severity):
    (finding,) = compared(series(base), series(replace(base, **missing)))
    assert (finding.check, finding.severity) == (check, severity)
    assert finding.unknown
    assert "not recorded in one header" in finding.text


def test_contrast_phase_and_its_absence():
    plain = series(replace(CT, contrast_agent=None), role=Role.CT_PRE)
    found = severities(CT, plain)
    assert found["contrast", UPTAKE] is Severity.BLOCK
    assert found["contrast", SIZE] is Severity.MAJOR
    arterial = severities(CT, series(CT, role=Role.CT_ARTERIAL))
    assert arterial["contrast phase", HU] is Severity.BLOCK
    assert arterial["contrast phase", SIZE] is Severity.MAJOR
    t1 = severities(MR, series(replace(MR, contrast_agent=None), role=Role.T1))
    assert t1["contrast", UPTAKE] is Severity.BLOCK


def test_other_modalities_kinds_and_planes():
    assert severities(CT, series(MR))["modality", EVERY] is Severity.BLOCK
    flair = severities(MR, series(MR, role=Role.FLAIR))
    assert flair["kind of image", EVERY] is Severity.BLOCK
    turned = series(CT, grid=GRID(oblique_deg=(40.0, 0.0, 0.0)))
    assert severities(CT, turned)["plane", DIAMETER] is Severity.BLOCK
    tilted = series(CT, grid=GRID(oblique_deg=(20.0, 0.0, 0.0)))
    assert ("plane", DIAMETER) not in severities(CT, tilted)


def test_pixel_size_and_gaps():
    def grid(pixel, spacing=1.0):
        return make_geometry((4, 8, 8), spacing_mm=(spacing, pixel, pixel))

    assert severities(CT, series(CT, grid=grid(1.3)))["pixel size", SIZE] is Severity.MINOR
    assert severities(CT, series(CT, grid=grid(1.6)))["pixel size", SIZE] is Severity.MAJOR
    gap = severities(CT, series(CT, grid=grid(1.0, 1.5)))
    assert gap["gap between slices", SIZE] is Severity.MAJOR


def test_a_tilt_that_the_slices_show_is_corrected_for():
    tilted = replace(CT, gantry_tilt_deg=12.0)
    shown = series(tilted, grid=GRID(oblique_deg=(12.0, 0.0, 0.0)))
    assert ("gantry tilt", EVERY) not in severities(CT, shown)
    hidden = severities(CT, series(tilted))
    assert hidden["gantry tilt", EVERY] is Severity.BLOCK


def test_images_without_headers_are_one_finding():
    (finding,) = compared(
        series(Acquisition(), modality="MR"), series(Acquisition(), modality="MR")
    )
    assert finding.severity is Severity.MAJOR
    assert finding.unknown


def test_intervals_and_registration():
    one = [series(CT)] * 2
    short = compare_acquisitions(visits(2, days=13), one)
    assert [(f.check, f.severity) for f in short] == [("interval", Severity.INFO)]
    assert compare_acquisitions(visits(2, days=14), one) == ()
    assert "long" in compare_acquisitions(visits(2, days=183), one)[0].text
    (failed,) = compared(*one, misaligned={1})
    assert failed.concerns == (Concern.VOXELWISE,)
    assert not failed.applies_to("whole", "volume")


def test_series_that_must_not_be_subtracted():
    def visit(n, plain):
        return replace(
            visits(2)[n],
            series={Role.T1: series(plain, role=Role.T1), Role.T1C: series(MR)},
        )

    bare = replace(MR, contrast_agent=None)
    good = [visit(n, bare) for n in (0, 1)]
    assert compare_acquisitions(good, [series(MR)] * 2) == ()
    slow = replace(bare, repetition_time_ms=2101.0)
    (found,) = compare_acquisitions([visit(0, bare), visit(1, slow)], [series(MR)] * 2)
    assert (found.severity, found.concerns) == (Severity.BLOCK, (Concern.SUBTRACTION,))
    assert "repetition time (2101, 2000)" in found.text


def test_every_pair_is_compared_and_blocked_figures_are_withheld():
    images = [series(CT), series(CT), series(replace(CT, contrast_agent=None), role=Role.CT_PRE)]
    found = compare_acquisitions(visits(3), images)
    assert {(f.from_index, f.to_index) for f in found} == {(0, 2), (1, 2)}
    figures = [
        Measurement(1, t, c, "volume", 3.0, "mL") for t in range(3) for c in ("enhancing", "oedema")
    ]
    kept = withhold(figures, found, baseline_index=0)
    assert [(m.timepoint_index, m.compartment) for m in figures if m not in kept] == [
        (2, "enhancing")
    ]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((n, "smooth") for n in ("STANDARD", "B30f", "Br36", "FC13", "B", "I26f\\3")),
        *((n, "sharp") for n in ("LUNG", "B70f", "Bl57", "FC51", "YA")),
        ("unheard of", ""),
    ],
)
def test_kernels_by_the_makers_names(name, kind):
    assert kernel_class(name) == kind
