from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from imgcompare.errors import ConfigurationError
from imgcompare.geometry import Geometry
from imgcompare.model import Quantity, Role, Tissue
from imgcompare.phantoms import ScanSettings, build_case, simulate
from imgcompare.phantoms.simulation import acquire

SMALL = ScanSettings(spacing_mm=(5.0, 3.5, 3.5), matrix=(32, 64, 56))


def sample(array: np.ndarray, geometry: Geometry, points_mm: np.ndarray) -> np.ndarray:
    index = geometry.world_to_index(points_mm)
    return ndimage.map_coordinates(array.astype(float), index.T, order=1)


def to_scanner(to_anatomy: np.ndarray, points_mm: np.ndarray) -> np.ndarray:
    back = np.linalg.inv(to_anatomy)
    return points_mm @ back[:3, :3].T + back[:3, 3]


def test_all_series_and_the_truth_have_the_promised_shape():
    case = build_case("mixed")
    result = simulate(case, 1, settings=SMALL)
    assert set(result.images) == {Role.T1, Role.T1C, Role.T2, Role.FLAIR}
    assert result.head.shape == result.images[Role.T1C].geometry.shape
    assert set(result.fractions) == set(result.volumes_ml) == {1, 2, 3}
    for fractions in result.fractions.values():
        assert Tissue.ENHANCING in fractions
        total = sum(fractions[t] for t in fractions)
        assert total.shape == result.head.shape
        assert total.dtype == np.float32
        assert total.min() >= 0.0
        assert total.max() <= 1.0 + 1e-5
    for image in result.images.values():
        assert image.quantity is Quantity.MR_SIGNAL
        assert image.array.dtype == np.int16
        assert 300 < image.array.max() < 16000
    with pytest.raises(ValueError, match="read-only"):
        result.head[0, 0, 0] = True


@pytest.mark.parametrize(
    "settings",
    [
        ScanSettings(),
        ScanSettings(spacing_mm=(5.0, 0.9, 0.9), oblique_deg=(12.0, -7.0, 5.0)),
        ScanSettings(spacing_mm=(3.0, 1.5, 1.5), plane="sagittal"),
    ],
    ids=["1 mm axial", "5 mm oblique", "3 mm sagittal"],
)
def test_fraction_maps_add_up_to_the_true_volumes(settings):
    result = simulate(build_case("pseudoprogression"), 1, settings=settings, roles=())
    grid_ml = np.prod(settings.spacing_mm) / 1000.0
    for lesion, fractions in result.fractions.items():
        whole = 0.0
        for tissue in fractions:
            volume = float(fractions[tissue].sum(dtype=np.float64)) * grid_ml
            assert volume == pytest.approx(result.volumes_ml[lesion][str(tissue)], rel=0.02)
            whole += volume if tissue is not Tissue.OEDEMA else 0.0
        assert whole == pytest.approx(result.volumes_ml[lesion]["whole"], rel=0.01)


def test_lesion_centre_lies_inside_the_lesion_on_the_grid():
    result = simulate(build_case("progression"), 1, settings=SMALL, roles=(Role.T1C,))
    geometry = result.images[Role.T1C].geometry
    for lesion, centre in result.lesion_centres_mm.items():
        fractions = result.fractions[lesion]
        whole = sum(fractions[t] for t in fractions if t is not Tissue.OEDEMA)
        k, j, i = np.rint(geometry.world_to_index(centre)).astype(int)
        assert whole[k, j, i] > 0.5
        x, y, z, _ = result.to_anatomy[Role.T1C] @ np.array([*centre, 1.0])
        wanted = build_case("progression").lesions[lesion - 1].centre_mm
        np.testing.assert_allclose((x, y, z), wanted, atol=1e-6)


def test_axial_oblique_sagittal_and_coronal_scans_show_the_same_anatomy():
    case = build_case("stable")
    points = np.random.default_rng(3).uniform((-60, -75, -20), (60, 75, 60), (4000, 3))
    values = []
    for plane, oblique in (
        ("axial", (0.0, 0.0, 0.0)),
        ("axial", (14.0, -9.0, 6.0)),
        ("sagittal", (0.0, 0.0, 0.0)),
        ("coronal", (0.0, 5.0, 0.0)),
    ):
        settings = ScanSettings(
            spacing_mm=(3.0, 3.0, 3.0),
            plane=plane,
            oblique_deg=oblique,
            noise=0.0,
            bias=0.0,
            supersampling=(2, 2, 2),
        )
        volume = acquire(case, 1, Role.T1C, settings=settings)
        scanner = to_scanner(case.matrix(1, Role.T1C), points)
        assert volume.geometry.contains(scanner).all()
        values.append(sample(volume.array, volume.geometry, scanner))
    for other in values[1:]:
        assert np.corrcoef(values[0], other)[0, 1] > 0.9
    assert np.corrcoef(values[0], sample_mirrored(case, points))[0, 1] < 0.8


def sample_mirrored(case, points):
    settings = ScanSettings(
        spacing_mm=(3.0, 3.0, 3.0), noise=0.0, bias=0.0, supersampling=(2, 2, 2)
    )
    volume = acquire(case, 1, Role.T1C, settings=settings)
    mirrored = points * np.array([-1.0, 1.0, 1.0])
    return sample(volume.array, volume.geometry, to_scanner(case.matrix(1, Role.T1C), mirrored))


def test_thick_slices_average_thin_ones():
    case = build_case("stable")
    quiet = {"noise": 0.0, "bias": 0.0, "motion": False}
    thin = ScanSettings(spacing_mm=(1.7, 3.0, 3.0), matrix=(96, 64, 56), **quiet)
    thick = ScanSettings(spacing_mm=(5.1, 3.0, 3.0), matrix=(32, 64, 56), **quiet)
    a = acquire(case, 0, Role.T2, settings=thin)
    b = acquire(case, 0, Role.T2, settings=thick)
    np.testing.assert_allclose(a.geometry.centre_mm, b.geometry.centre_mm, atol=0.51)
    mean = a.array.reshape(32, 3, 64, 56).mean(axis=1)
    shift = np.abs(a.geometry.centre_mm - b.geometry.centre_mm).max()
    assert shift < 1e-6
    assert np.corrcoef(mean.ravel(), b.array.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("noise", [0.02, 0.06])
def test_mr_noise_is_as_asked_relative_to_white_matter(noise):
    case = build_case("stable")
    quiet = acquire(case, 0, Role.T1, settings=replace(SMALL, noise=0.0, bias=0.0)).array
    noisy = acquire(case, 0, Role.T1, settings=replace(SMALL, noise=noise, bias=0.0)).array
    brain = simulate(case, 0, settings=SMALL, roles=()).head & (
        quiet > 0.5 * np.percentile(quiet, 90)
    )
    values, counts = np.unique(quiet[brain], return_counts=True)
    smooth = ndimage.gaussian_filter1d(counts.astype(float), 2.0)
    white = values[np.argmax(smooth)]
    measured = (noisy.astype(float) - quiet)[brain].std() / white
    assert measured == pytest.approx(noise, rel=0.15)
    # Air shows the Rayleigh floor of magnitude images: mean 1.25 sigma, SD 0.655 sigma.
    air = noisy[:, :6, :6].astype(float)
    assert air.mean() / white == pytest.approx(1.25 * noise, rel=0.2)


def test_ct_noise_is_as_asked_and_correlated_in_plane():
    case = build_case("stable", body="abdomen")
    settings = ScanSettings(spacing_mm=(6.0, 3.0, 3.0), matrix=(12, 96, 128), noise_hu=14.0)
    noisy = acquire(case, 0, Role.CT_PORTAL, settings=settings).array.astype(float)
    quiet = acquire(case, 0, Role.CT_PORTAL, settings=replace(settings, noise_hu=0.0)).array
    inside = quiet > -200
    noise = np.where(inside, noisy - quiet, 0.0)
    assert noise[inside].std() == pytest.approx(14.0, rel=0.05)
    both = inside[:, :, 1:] & inside[:, :, :-1]
    along = (noise[:, :, 1:] * noise[:, :, :-1])[both].mean() / 14.0**2
    across = (noise[1:] * noise[:-1])[inside[1:] & inside[:-1]].mean() / 14.0**2
    assert along > 0.3
    assert abs(across) < 0.05


def test_gain_differs_between_timepoints_and_follows_the_setting():
    case = build_case("stable")
    quiet = replace(SMALL, noise=0.0, bias=0.0)
    first = acquire(case, 0, Role.T1, settings=quiet).array
    second = acquire(case, 1, Role.T1, settings=quiet).array
    doubled = acquire(case, 0, Role.T1, settings=replace(quiet, gain=2.0)).array
    assert abs(np.log(np.percentile(first, 95) / np.percentile(second, 95))) > 0.02
    np.testing.assert_allclose(doubled, 2.0 * first, atol=1.01)


def _means(result, role, lesion):
    image = result.images[role].array
    fractions = result.fractions[lesion]
    return {
        str(t): image[fractions[t] > 0.99].mean() for t in fractions if (fractions[t] > 0.99).any()
    }


def test_mr_contrasts_are_those_of_the_tissues():
    settings = ScanSettings(
        spacing_mm=(3.0, 2.5, 2.5), noise=0.0, bias=0.0, motion=False, supersampling=(2, 2, 2)
    )
    case = build_case("cystic_conversion")
    result = simulate(case, 0, settings=settings)
    t1, t1c, t2, flair = (_means(result, r, 1) for r in case.roles)
    ratio = {r: np.percentile(result.images[r].array, 50) for r in case.roles}
    assert set(ratio) == set(case.roles)
    assert t1c["enhancing"] / t1c["necrotic"] > 2.0 * t1["enhancing"] / t1["necrotic"]
    assert t2["cystic"] > t2["necrotic"] > t2["enhancing"]
    assert flair["cystic"] < 0.2 * flair["necrotic"]
    assert flair["oedema"] > flair["necrotic"]
    assert t1["oedema"] > t1["cystic"]


def test_ct_contrasts_are_those_of_the_tissues():
    settings = ScanSettings(
        spacing_mm=(4.0, 3.0, 3.0), noise_hu=0.0, motion=False, supersampling=(2, 2, 2)
    )
    result = simulate(build_case("cystic_conversion", body="abdomen"), 0, settings=settings)
    pre, arterial, portal = (_means(result, r, 1) for r in result.images)
    assert arterial["enhancing"] - pre["enhancing"] > 60.0
    assert arterial["enhancing"] > portal["enhancing"]
    assert 10.0 < pre["necrotic"] < 30.0
    assert abs(portal["necrotic"] - pre["necrotic"]) < 3.0
    assert 0.0 < portal["cystic"] < 15.0
    assert "oedema" not in result.volumes_ml[1]


def test_the_same_twice_and_another_seed_differs():
    first = simulate(build_case("response"), 0, settings=SMALL, roles=(Role.FLAIR,))
    again = simulate(build_case("response"), 0, settings=SMALL, roles=(Role.FLAIR,))
    other = simulate(build_case("response", seed=5), 0, settings=SMALL, roles=(Role.FLAIR,))
    np.testing.assert_array_equal(first.images[Role.FLAIR].array, again.images[Role.FLAIR].array)
    assert (first.images[Role.FLAIR].array != other.images[Role.FLAIR].array).mean() > 0.5


def test_settings_per_series_and_what_cannot_be_scanned():
    case = build_case("stable")
    per_role = {Role.T1C: SMALL, Role.T1: replace(SMALL, plane="sagittal")}
    result = simulate(case, 0, settings=per_role, roles=(Role.T1, Role.T1C))
    assert result.images[Role.T1].geometry.axis_codes != result.images[Role.T1C].geometry.axis_codes
    with pytest.raises(ConfigurationError, match="No scan settings"):
        simulate(case, 0, settings=per_role, roles=(Role.T2,))
    with pytest.raises(ConfigurationError, match="CT_PORTAL"):
        simulate(case, 0, settings=SMALL, roles=(Role.CT_PORTAL,))
    with pytest.raises(ConfigurationError, match="Timepoint 2"):
        simulate(case, 2, settings=SMALL)
    with pytest.raises(ConfigurationError, match="plane"):
        ScanSettings(plane="diagonal")
    with pytest.raises(ConfigurationError, match="positive"):
        ScanSettings(spacing_mm=(1.0, 0.0, 1.0))
    with pytest.raises(ConfigurationError, match="negative"):
        ScanSettings(noise=-0.1)
