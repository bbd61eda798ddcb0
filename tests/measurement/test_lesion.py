import time

import numpy as np
import pytest

from imgcompare.errors import GeometryMismatchError
from imgcompare.measurement import absent_lesion, measure_lesion
from imgcompare.measurement.lesion import AT_IMAGE_EDGE, PROPOSED
from imgcompare.measurement.uncertainty import LOW_RELIABILITY
from imgcompare.model import AlignedTimepoint, Measurement, Quantity, Role, Tissue, Volume
from tests.builders import make_geometry, rotation
from tests.measurement.shapes import LESION, aligned_with, ellipsoid_fraction, segmentation_of

RADII_MM = np.array([13.0, 9.0, 11.0])
SPHERE_ML = 4.0 / 3.0 * np.pi / 1000.0


def rimmed(
    spacing_mm=(1.5, 0.9, 0.8), oblique_deg=(0.0, 0.0, 0.0), core=0.6
) -> tuple[dict[Tissue, np.ndarray], object]:
    """Ellipsoid of enhancing tissue around a necrotic core, turned within the slice."""
    size = tuple(int(2 * r / s) + 9 for r, s in zip((11.0, 13.0, 13.0), spacing_mm, strict=True))
    geometry = make_geometry(size, spacing_mm=spacing_mm, oblique_deg=oblique_deg)
    centre = geometry.centre_mm + np.array([0.31, -0.27, 0.11])
    axes = rotation(oblique_deg) @ rotation((0.0, 0.0, 33.0))
    whole = ellipsoid_fraction(geometry, centre, RADII_MM, axes=axes)
    inner = ellipsoid_fraction(geometry, centre, RADII_MM * core, axes=axes)
    fractions = {
        Tissue.ENHANCING: whole - inner,
        Tissue.NECROTIC: inner,
        Tissue.CYSTIC: np.zeros_like(whole),
    }
    return fractions, geometry


def measured(fractions, geometry, **options) -> dict[tuple[str, str], Measurement]:
    image = 40.0 + 50.0 * fractions[Tissue.ENHANCING] + 3.0 * np.indices(geometry.shape)[2] % 2
    rows = measure_lesion(
        segmentation_of(fractions, geometry, **options),
        aligned_with(image.astype(np.float32), geometry),
        lesion=LESION,
    )
    table = {(m.compartment, m.quantity): m for m in rows}
    assert len(table) == len(rows)
    return table


@pytest.mark.parametrize("oblique", [(0.0, 0.0, 0.0), (20.0, -15.0, 40.0)])
def test_a_rimmed_ellipsoid_gives_its_volumes_and_diameters(oblique):
    fractions, geometry = rimmed(oblique_deg=oblique)
    table = measured(fractions, geometry)
    whole = RADII_MM.prod() * SPHERE_ML
    assert table["whole", "volume"].value == pytest.approx(whole, rel=0.01)
    assert table["necrotic", "volume"].value == pytest.approx(whole * 0.6**3, rel=0.02)
    assert table["enhancing", "volume"].value == pytest.approx(whole * (1 - 0.6**3), rel=0.01)
    assert table["whole", "longest_diameter"].value == pytest.approx(26.0, abs=0.3)
    assert table["whole", "perpendicular_diameter"].value == pytest.approx(18.0, abs=0.3)
    assert table["whole", "short_axis"].value == pytest.approx(18.0, abs=0.3)
    assert table["whole", "diameter_3d"].value == pytest.approx(26.0, abs=0.4)
    assert table["whole", "bidimensional_product"].value == pytest.approx(26.0 * 18.0, rel=0.03)
    for (_, quantity), m in table.items():
        assert m.ci_low <= m.value <= m.ci_high
        assert m.unit == {"volume": "mL", "bidimensional_product": "mm2"}.get(
            quantity, "HU" if "intensity" in quantity else "mm"
        )


def test_tissue_looked_for_but_not_found_has_an_explicit_zero_volume():
    table = measured(*rimmed())
    cyst = table["cystic", "volume"]
    assert (cyst.value, cyst.ci_low) == (0.0, 0.0)
    assert cyst.ci_high > 0.0
    assert ("haemorrhage", "volume") not in table  # nobody looked for it
    fractions, geometry = rimmed()
    seg = segmentation_of({Tissue.NECROTIC: fractions[Tissue.NECROTIC]}, geometry)
    aligned = aligned_with(np.zeros(geometry.shape, np.float32), geometry)
    rows = measure_lesion(seg, aligned, lesion=LESION, looked_for=[Tissue.ENHANCING])
    zero = {m.quantity: m.value for m in rows if m.compartment == "enhancing"}
    assert zero["volume"] == zero["longest_diameter"] == 0.0


def test_one_ct_phase_never_shows_enhancement():
    fractions, geometry = rimmed()
    table = measured(fractions, geometry, attenuation_classes_only=True)
    assert not [name for name, _ in table if name == "enhancing"]
    assert ("necrotic", "volume") in table


def test_ends_of_a_diameter_are_as_far_apart_as_it_is_long():
    fractions, geometry = rimmed(oblique_deg=(10.0, 20.0, -30.0))
    table = measured(fractions, geometry)
    for key in [
        ("whole", "longest_diameter"),
        ("whole", "perpendicular_diameter"),
        ("whole", "short_axis"),
        ("whole", "diameter_3d"),
        ("enhancing", "longest_diameter"),
        ("enhancing", "perpendicular_diameter"),
    ]:
        first, second = np.array(table[key].endpoints_lps_mm)
        assert np.linalg.norm(second - first) == pytest.approx(table[key].value, abs=1e-6)
    long = np.diff(table["whole", "longest_diameter"].endpoints_lps_mm, axis=0)[0]
    across = np.diff(table["whole", "perpendicular_diameter"].endpoints_lps_mm, axis=0)[0]
    assert long @ across == pytest.approx(0.0, abs=1e-6)
    k = geometry.world_to_index(table["whole", "longest_diameter"].endpoints_lps_mm)[:, 0]
    assert k == pytest.approx(np.rint(k[0]))


def test_viable_diameter_does_not_run_through_the_necrotic_core():
    fractions, geometry = rimmed(core=0.75)
    table = measured(fractions, geometry)
    viable = table["enhancing", "longest_diameter"].value
    solid = measured(*rimmed(core=0.01))["enhancing", "longest_diameter"].value
    assert solid == pytest.approx(26.0, abs=0.3)
    assert viable < 0.85 * table["whole", "longest_diameter"].value


def test_intensity_is_the_mean_of_the_compartment():
    fractions, geometry = rimmed()
    image = np.where(fractions[Tissue.NECROTIC] >= 0.5, 15.0, 80.0).astype(np.float32)
    rows = measure_lesion(
        segmentation_of(fractions, geometry), aligned_with(image, geometry), lesion=LESION
    )
    means = {m.compartment: m.value for m in rows if m.quantity == "mean_intensity"}
    assert means["necrotic"] == pytest.approx(15.0)
    assert means["enhancing"] == pytest.approx(80.0, abs=1.0)
    assert 15.0 < means["whole"] < 80.0


def test_ct_before_and_after_contrast_gives_the_enhancement():
    fractions, geometry = rimmed()
    after = (40.0 + 60.0 * (fractions[Tissue.ENHANCING] >= 0.5)).astype(np.float32)
    aligned = aligned_with(after, geometry)
    images = {**aligned.images, Role.CT_PRE: Volume(np.full_like(after, 35.0), geometry)}
    both = AlignedTimepoint(
        aligned.timepoint, Role.CT_PORTAL, images, aligned.to_reference, aligned.to_baseline
    )
    segmentation = segmentation_of(fractions, geometry)
    rows = {
        m.compartment: m
        for m in measure_lesion(segmentation, both, lesion=LESION)
        if m.quantity == "mean_enhancement"
    }
    assert rows["enhancing"].value == pytest.approx(65.0, abs=1.0)
    assert rows["necrotic"].value == pytest.approx(5.0, abs=1.0)
    assert rows["whole"].unit == "HU"
    alone = measure_lesion(segmentation, aligned, lesion=LESION)
    assert not [m for m in alone if m.quantity == "mean_enhancement"]


def test_flags_tell_thin_proposed_and_cut_off_lesions():
    fractions, geometry = rimmed()
    good = measured(fractions, geometry)["whole", "volume"]
    assert good.flags == ()
    assert PROPOSED in measured(fractions, geometry, proposed=True)["whole", "volume"].flags
    thick, coarse = rimmed(spacing_mm=(12.0, 0.9, 0.8))
    assert LOW_RELIABILITY in measured(thick, coarse)["whole", "volume"].flags
    half = geometry.crop((0, 0, 0), (geometry.shape[0], geometry.shape[1] // 2, geometry.shape[2]))
    cut = {t: f[:, : half.shape[1]] for t, f in fractions.items()}
    assert AT_IMAGE_EDGE in measured(cut, half)["whole", "volume"].flags


def test_a_segmentation_on_another_grid_is_refused():
    fractions, geometry = rimmed()
    other = make_geometry((5, 6, 7))
    aligned = aligned_with(np.zeros(other.shape, np.float32), other)
    with pytest.raises(GeometryMismatchError):
        measure_lesion(segmentation_of(fractions, geometry), aligned, lesion=LESION)
    smaller = geometry.crop((0, 0, 0), (3, 4, 5))
    cut = aligned_with(np.zeros(smaller.shape, np.float32), smaller)
    with pytest.raises(GeometryMismatchError, match="reaches beyond"):
        measure_lesion(segmentation_of(fractions, geometry), cut, lesion=LESION)


def test_mr_intensities_say_that_they_are_signal():
    fractions, geometry = rimmed()
    aligned = aligned_with(np.ones(geometry.shape), geometry, quantity=Quantity.MR_SIGNAL)
    rows = measure_lesion(segmentation_of(fractions, geometry), aligned, lesion=LESION)
    assert {m.unit for m in rows if m.quantity == "mean_intensity"} == {"MR signal"}


def test_outlines_refined_on_mr_have_the_intervals_fitted_to_them():
    fractions, geometry = rimmed()
    image = (40.0 + 50.0 * fractions[Tissue.ENHANCING]).astype(np.float32)

    def volumes(source, quantity=Quantity.MR_SIGNAL, parts=fractions):
        segmentation = segmentation_of(parts, geometry, source=source)
        aligned = aligned_with(image, geometry, quantity=quantity)
        rows = measure_lesion(segmentation, aligned, lesion=LESION)
        assert not any(m.calibrated for m in rows if m.quantity != "volume")
        return {m.compartment: m for m in rows if m.quantity == "volume"}

    def widths(found):
        return {part: m.ci_high - m.ci_low for part, m in found.items()}

    def calibrated(found):
        return {part for part, m in found.items() if m.calibrated}

    studied = {"whole", "enhancing", "necrotic"}
    fitted, usual = volumes("seed"), volumes("seed", Quantity.HU)
    assert all(widths(fitted)[part] < widths(usual)[part] for part in studied)
    assert widths(fitted)["cystic"] == widths(usual)["cystic"]  # of cysts there is no study
    assert (calibrated(fitted), calibrated(usual)) == (studied, set())
    for source in ("proposal", "seed carried from baseline", "proposal carried back from visit 2"):
        assert widths(volumes(source)) == widths(fitted)
        assert calibrated(volumes(source)) == studied
    # nor of a person's outline, of one that a person changed, or of one on FLAIR
    for source in ("mask", "mask carried from baseline", "seed, edited", "seed on FLAIR", ""):
        assert widths(volumes(source)) == widths(usual)
        assert calibrated(volumes(source)) == set()
    thin = {**fractions, Tissue.CYSTIC: 0.9 * fractions[Tissue.ENHANCING],
            Tissue.ENHANCING: 0.1 * fractions[Tissue.ENHANCING]}  # fmt: skip
    assert widths(volumes("seed", parts=thin))["whole"] > widths(fitted)["whole"]
    whole_voxels = {t: (f >= 0.5).astype(np.float32) for t, f in fractions.items()}
    assert calibrated(volumes("seed", parts=whole_voxels)) == set()


def test_a_part_that_was_looked_for_around_a_seed_is_zero_within_a_calibrated_interval():
    fractions, geometry = rimmed()
    fractions[Tissue.NECROTIC] = np.zeros_like(fractions[Tissue.NECROTIC])
    aligned = aligned_with(np.ones(geometry.shape), geometry, quantity=Quantity.MR_SIGNAL)
    rows = measure_lesion(segmentation_of(fractions, geometry, source="seed"), aligned,
                          lesion=LESION, looked_for=[Tissue.NECROTIC])  # fmt: skip
    core = next(m for m in rows if (m.compartment, m.quantity) == ("necrotic", "volume"))
    assert (core.value, core.ci_low, core.calibrated) == (0.0, 0.0, True)
    assert core.ci_high == pytest.approx(np.pi / 6.0 * 3.0**3 / 1000.0)  # a ball of two slices


def test_a_vanished_lesion_has_zero_rows():
    rows = absent_lesion(LESION, 2, tissues=[Tissue.ENHANCING], detection_limit_ml=0.01)
    table = {(m.compartment, m.quantity): m for m in rows}
    assert {m.value for m in rows} == {0.0}
    assert {m.timepoint_index for m in rows} == {2}
    assert table["enhancing", "volume"].ci_high == 0.01
    assert ("necrotic", "volume") not in table
    assert {"longest_diameter", "short_axis"} <= {q for c, q in table if c == "whole"}


def test_an_empty_segmentation_measures_zero():
    geometry = make_geometry()
    empty = {Tissue.ENHANCING: np.zeros(geometry.shape, np.float32)}
    table = measured(empty, geometry)
    assert table["whole", "volume"].value == 0.0
    assert table["whole", "longest_diameter"].value == 0.0
    assert ("whole", "mean_intensity") not in table


def test_thirty_millilitres_at_one_millimetre_take_a_fraction_of_a_second():
    geometry = make_geometry((60, 60, 60), spacing_mm=(1.0, 1.0, 1.0))
    centre = geometry.centre_mm
    whole = ellipsoid_fraction(geometry, centre, (20.0, 19.0, 19.0), subdivisions=2)
    inner = ellipsoid_fraction(geometry, centre, (12.0, 11.0, 11.0), subdivisions=2)
    fractions = {Tissue.ENHANCING: whole - inner, Tissue.NECROTIC: inner}
    measured(fractions, geometry)
    start = time.thread_time()  # other work on the machine does not count
    table = measured(fractions, geometry)
    assert time.thread_time() - start < 0.3
    assert table["whole", "volume"].value == pytest.approx(30.2, rel=0.01)
