import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgcompare.model import TISSUE_CODES, Tissue
from imgcompare.phantoms import CASES, build_case
from imgcompare.phantoms._lesion import ZONE, compartment, on_table, table_directions
from imgcompare.phantoms.lesions import fibonacci_sphere, outline_points, shapes
from imgcompare.phantoms.settings import ScanSettings
from imgcompare.phantoms.truth import longest_diameter_mm, true_volumes


@pytest.mark.parametrize("name", CASES)
def test_integrated_volumes_are_those_ordered(name):
    case = build_case(name, timepoints=3)
    for timepoint in range(3):
        for lesion_id, volumes in true_volumes(case, timepoint).items():
            stage = case.lesions[lesion_id - 1].stages[timepoint]
            assert volumes["whole"] == pytest.approx(stage.whole_ml, rel=2e-3)
            assert volumes["enhancing"] == pytest.approx(stage.enhancing_ml, rel=5e-3)
            core = stage.whole_ml - stage.enhancing_ml
            assert volumes.get("cystic", 0.0) == pytest.approx(core * stage.cyst, rel=0.03)
            assert volumes.get("haemorrhage", 0.0) == pytest.approx(core * stage.bleed, rel=0.03)


def test_integration_agrees_with_the_volume_under_the_outline():
    case = build_case("pseudoprogression")
    built = shapes(case.lesions, 1)
    # Volume of a star-shaped body: a third of the mean cubed radius over the unit sphere, in the
    # round space, whose map to mm has determinant 1.
    points = outline_points(built, 0, 60000) - built.numbers[0, :3]
    radius = np.linalg.norm(points @ built.numbers[0, 3:12].reshape(3, 3).T, axis=1)
    exact = 4.0 / 3.0 * np.pi * np.mean(radius**3) / 1000.0
    assert np.linalg.det(built.numbers[0, 3:12].reshape(3, 3)) == pytest.approx(1.0, abs=1e-9) or (
        np.linalg.det(built.numbers[0, 3:12].reshape(3, 3)) == pytest.approx(-1.0, abs=1e-9)
    )
    assert true_volumes(case, 1)[1]["whole"] == pytest.approx(exact, rel=2e-3)


def test_rim_is_uneven_and_closed():
    built = shapes(build_case("pseudoprogression").lesions, 1)
    numbers, tables = built.numbers[0], built.tables[0]
    outer = outline_points(built, 0, 400)
    thickness = []
    for point in outer:
        inward = (numbers[:3] - point) / np.linalg.norm(numbers[:3] - point)
        steps = np.arange(0.05, 15.0, 0.05)
        codes = [compartment(numbers, tables, *(point + s * inward)) for s in steps]
        assert codes[0] == TISSUE_CODES[Tissue.ENHANCING]
        thickness.append(steps[np.argmax(np.array(codes) != TISSUE_CODES[Tissue.ENHANCING])])
    assert min(thickness) > 0.3
    assert max(thickness) > 3.0 * min(thickness)


def test_outside_the_bounds_there_is_nothing():
    built = shapes(build_case("stable").lesions, 0)
    far = built.numbers[0, :3] + np.array([built.numbers[0, 25] + 1.0, 0.0, 0.0])
    assert compartment(built.numbers[0], built.tables[0], *far) == 0
    near = outline_points(built, 0, 50)
    away = near + 1.0 * (near - built.numbers[0, :3]) / 15.0
    assert compartment(built.numbers[0], built.tables[0], *away[7]) == ZONE


@settings(deadline=None)  # the first call compiles
@given(st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 0.1))
def test_octahedral_table_returns_what_was_put_in(vector):
    directions = table_directions(97)
    wanted = np.cos(3.0 * np.asarray(vector)[0] / np.linalg.norm(vector))
    assert on_table(np.cos(3.0 * directions[..., 0]), *vector) == pytest.approx(wanted, abs=2e-2)


def test_longest_diameter_bounds():
    case = build_case("pseudoprogression")
    built = shapes(case.lesions, 1)
    points = outline_points(built, 0, 4000)
    longest = longest_diameter_mm(case, 1, 1, settings=ScanSettings())
    widest = max(np.linalg.norm(points - p, axis=1).max() for p in points)
    sphere = 2.0 * np.cbrt(26.5e3 / (4.0 / 3.0 * np.pi))
    assert 0.95 * sphere < longest <= widest + 0.01


def test_directions_are_spread_evenly():
    directions = fibonacci_sphere(1000)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1.0)
    assert np.abs(directions.mean(axis=0)).max() < 1e-3
