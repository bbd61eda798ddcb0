import pytest

from imgcompare.model import Lesion, LesionRole, ReaderInput, Tissue
from imgcompare.response.volumetric import (
    SPHERE_PROGRESSION,
    SPHERE_RESPONSE,
    QEasl,
    VolumetricRecist,
    VRecist,
)
from tests.response.courses import categories, course, course_of, figures

# criteria.md §3 and §8: volume -65 % is a response; +73 % is the volume of +20 % in diameter
QEASL = [
    ([100, 35], ["PR"]),
    ([100, 35.1], ["SD"]),
    ([100, 0], ["CR"]),
    ([100, 172.9], ["SD"]),
    ([100, 173], ["PD"]),
    ([100, 10, 17.2], ["PR", "PR"]),
    ([100, 10, 17.3], ["PR", "PD"]),
]

# criteria.md §5: d -30 % ⇒ V -65.7 %; d +20 % ⇒ +72.8 %
EQUIVALENT = [
    ([100, 34.3], ["PR"]),
    ([100, 34.4], ["SD"]),
    ([100, 172.8], ["PD"]),
    ([100, 172.7], ["SD"]),
    ([100, 10, 17.28], ["PR", "PD"]),
    ([100, 10, 17.27], ["PR", "PR"]),
    ([0.1, 0.19], ["SD"]),  # +90 %, but less than 0.1 mL
    ([0.1, 0.2], ["PD"]),
]


def volumes(values, compartment):
    return course_of(figures({1: values}, "volume", compartment))


@pytest.mark.parametrize(("values", "expected"), QEASL)
def test_enhancing_and_whole_volume_at_the_boundaries(values, expected):
    assert categories(QEasl(), volumes(values, Tissue.ENHANCING)) == expected
    assert categories(VRecist(), volumes(values, "whole")) == expected


@pytest.mark.parametrize(("values", "expected"), EQUIVALENT)
def test_limits_of_a_sphere_at_the_boundaries(values, expected):
    assert categories(VolumetricRecist(), volumes(values, "whole")) == expected


def test_the_limits_are_those_of_a_sphere_exactly():
    assert 100 * SPHERE_RESPONSE.from_float(7) ** 3 / 1000 == 100 - SPHERE_RESPONSE
    assert 100 * SPHERE_RESPONSE.from_float(12) ** 3 / 1000 == 100 + SPHERE_PROGRESSION


def test_where_diameters_are_known_small_lesions_are_no_targets():
    rows = figures({1: [1.0, 5.0]}, "volume")
    assert categories(VolumetricRecist(), course({1: [9, 15]}, extra=rows)) == ["Non-CR/Non-PD"]
    assert categories(VRecist(), course({1: [9, 15]}, extra=rows)) == ["PD"]


@pytest.mark.parametrize("criterion", [QEasl(), VRecist(), VolumetricRecist()])
def test_without_volumes_it_is_not_evaluable(criterion):
    last = criterion.assess(course({1: [50, 50]}))[-1]
    assert last.category == "NE"
    assert "volume of lesion 1" in last.missing[0]


def test_thresholds_are_settings():
    readings = volumes([100, 40], Tissue.ENHANCING)
    assert categories(QEasl(response_percent=60), readings) == ["PR"]
    assert categories(QEasl(), readings) == ["SD"]


def test_liver_criteria_leave_out_what_lies_elsewhere():
    lesions = (
        Lesion(1, "1", "liver"),
        Lesion(2, "2", "lung"),
        Lesion(3, "3", "liver hilum", nodal=True),
    )
    volumes = figures({1: [30, 9], 2: [5, 50], 3: [4, 4]}, "volume", Tissue.ENHANCING)
    found = QEasl().assess(course_of(volumes, lesions=lesions))
    assert (found[1].category, found[1].value, found[1].targets) == ("PR", 9, (1,))
    alone = course_of(figures({2: [5, 50]}, "volume", Tissue.ENHANCING), lesions=lesions[1:2])
    assert "OUTSIDE_ITS_ORGAN" in QEasl().assess(alone)[1].flags


def test_a_new_lesion_counts_wherever_it_is():
    lesions = (Lesion(1, "1", "liver"), Lesion(2, "2", "lung", LesionRole.NEW))
    volumes = figures({1: [30, 9]}, "volume", Tissue.ENHANCING)
    reader = ReaderInput(new_lesions={1: (2,)})
    found = QEasl().assess(course_of(volumes, lesions=lesions, reader=reader))
    assert found[1].category == "PD"
