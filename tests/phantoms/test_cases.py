import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgcompare.errors import ConfigurationError
from imgcompare.phantoms import CASES, build_case
from imgcompare.phantoms._fields import textures
from imgcompare.phantoms.cases import BODIES, rigid
from imgcompare.phantoms.lesions import misplaced
from imgcompare.phantoms.truth import true_volumes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "miracle"}, "no case 'miracle'"),
        ({"name": "stable", "body": "knee"}, "no body 'knee'"),
        ({"name": "stable", "timepoints": 4}, "2 or 3 timepoints, not 4"),
    ],
)
def test_unknown_case_body_or_number_of_timepoints_is_refused(arguments, message):
    with pytest.raises(ConfigurationError, match=message):
        build_case(**arguments)


def _change(name: str, lesion: int, compartment: str, later: int = 1, body: str = "head") -> float:
    case = build_case(name, body=body, timepoints=3)
    before, after = true_volumes(case, 0), true_volumes(case, later)
    return after[lesion].get(compartment, 0.0) / before[lesion][compartment] - 1.0


@pytest.mark.parametrize("body", BODIES)
def test_every_case_changes_as_its_name_says(body):
    assert 0.75 < _change("pseudoprogression", 1, "whole", body=body) < 0.9
    assert -0.3 < _change("pseudoprogression", 1, "enhancing", body=body) < -0.2
    for lesion in (1, 2):
        assert _change("progression", lesion, "whole", body=body) > 0.4
        assert _change("progression", lesion, "enhancing", body=body) > 0.4
        assert _change("response", lesion, "whole", body=body) < -0.4
        assert _change("response", lesion, "enhancing", body=body) < -0.5
        assert abs(_change("stable", lesion, "whole", body=body)) < 0.04
        assert abs(_change("stable", lesion, "enhancing", body=body)) < 0.04
    assert _change("mixed", 1, "whole", body=body) < -0.4
    assert _change("mixed", 2, "whole", body=body) > 0.4
    assert _change("cystic_conversion", 1, "cystic", body=body) > 2.0
    assert _change("cystic_conversion", 1, "enhancing", body=body) < -0.4


def test_third_timepoint_of_pseudoprogression_shrinks_again():
    assert _change("pseudoprogression", 1, "whole", 2) < _change("pseudoprogression", 1, "whole", 1)


def test_the_new_lesion_of_the_mixed_case_is_absent_then_new_then_present():
    case = build_case("mixed", timepoints=3)
    assert [case.lesions[2].status(t) for t in range(3)] == ["absent", "new", "present"]
    assert [case.lesions[0].status(t) for t in range(3)] == ["present"] * 3
    assert 3 not in true_volumes(case, 0)
    assert true_volumes(case, 1)[3]["whole"] >= 1.0


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("name", CASES)
def test_no_lesion_reaches_bone_midline_ventricles_or_the_liver_surface(name, body):
    case = build_case(name, body=body, timepoints=3)
    for lesion in case.lesions:
        assert misplaced(lesion, BODIES.index(body), textures(case.seed)) == 0


def test_a_lesion_in_the_skull_would_be_noticed():
    from dataclasses import replace

    lesion = replace(build_case("stable").lesions[0], centre_mm=(65.0, 25.0, 30.0))
    assert misplaced(lesion, 0, textures(0)) > 100


def test_number_of_timepoints_does_not_change_the_case():
    two, three = build_case("mixed"), build_case("mixed", timepoints=3)
    assert three.dates[:2] == two.dates
    np.testing.assert_array_equal(three.to_anatomy[1], two.to_anatomy[1])
    assert [lesion.seed for lesion in two.lesions] == [lesion.seed for lesion in three.lesions]


def _angle_deg(matrix: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip((np.trace(matrix[:3, :3]) - 1) / 2, -1, 1))))


@pytest.mark.parametrize("seed", range(4))
def test_the_patient_moves_much_between_timepoints_and_little_within_one(seed):
    case = build_case("stable", seed=seed)
    between = np.linalg.inv(case.to_anatomy[1]) @ case.to_anatomy[0]
    assert 1.0 < _angle_deg(between) < 12.0
    assert 3.0 < np.linalg.norm(between[:3, 3]) < 20.0
    for series in case.within:
        for role, matrix in series.items():
            moved = np.linalg.norm(matrix[:3, 3])
            if role is case.reference:
                np.testing.assert_array_equal(matrix, np.eye(4))
            else:
                assert 0.2 < moved <= 1.5
                assert _angle_deg(matrix) <= 1.0


def test_motion_can_be_switched_off():
    case = build_case("stable")
    for role in case.roles:
        np.testing.assert_array_equal(case.matrix(1, role, motion=False), np.eye(4))


@given(
    axis=st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda a: np.linalg.norm(a) > 1e-3),
    degrees=st.floats(-180, 180),
)
def test_rigid_matrices_are_rotations_by_the_angle_asked_for(axis, degrees):
    matrix = rigid(axis, degrees, (1.0, 2.0, 3.0))
    np.testing.assert_allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-9)
    assert np.linalg.det(matrix[:3, :3]) == pytest.approx(1.0)
    assert _angle_deg(matrix) == pytest.approx(abs(degrees), abs=1e-4)
    np.testing.assert_allclose(matrix[:3, :3] @ np.asarray(axis), axis, atol=1e-9)
