import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgcompare.measurement.repeatability import (
    HOUSE_WCV,
    PUBLISHED,
    REPEATABILITY_FACTOR,
    ct_volume_wcv,
    judge,
    repeatability_of,
)
from imgcompare.model import Exceeds, Repeatability


# criteria.md §6, "Vectors": a 20-mm sphere of 4.19 mL, wCV .141
@pytest.mark.parametrize(
    ("later", "expected"),
    [(5.50, Exceeds.NO), (6.00, Exceeds.BORDERLINE), (6.50, Exceeds.YES), (4.19, Exceeds.NO)],
)
def test_a_twenty_millimetre_sphere(later, expected):
    wcv = ct_volume_wcv(20.0)
    assert wcv == 0.141
    verdict = judge(4.19, later, sd=(wcv * 4.19, wcv * later), source="QIBA")
    assert verdict.exceeds is expected
    assert "QIBA" in verdict.reason


def test_the_interval_and_log_limits_of_the_borderline_case():
    verdict = judge(4.19, 6.0, sd=(0.141 * 4.19, 0.141 * 6.0), source="x")
    assert (verdict.ci_low, verdict.ci_high) == pytest.approx((-0.21, 3.83), abs=0.005)
    assert "-32/+48 %" in verdict.reason  # criteria.md §6: +47.5/−32.2 %
    assert "±39 %" in verdict.reason
    assert "1 of 3" in verdict.reason


@pytest.mark.parametrize(
    ("diameter", "wcv", "claim"), [(20, 0.141, 39.1), (40, 0.103, 28.6), (60, 0.085, 23.6)]
)
def test_ct_bands_give_the_published_claims(diameter, wcv, claim):
    assert ct_volume_wcv(diameter) == wcv
    assert 100.0 * REPEATABILITY_FACTOR * wcv == pytest.approx(claim, abs=0.1)


def test_small_nodules_repeat_worse():
    assert ct_volume_wcv(6.0) == ct_volume_wcv(3.0) == 0.29
    assert 0.141 < ct_volume_wcv(8.0) < 0.29


def test_each_kind_of_figure_has_its_source_or_none():
    def known(quantity, compartment="whole", modality="CT", site="", mm=20.0):
        return repeatability_of(quantity, compartment, modality=modality, diameter_mm=mm, site=site)

    assert known("volume", "enhancing", "MR").wcv == 0.08
    assert known("volume", "necrotic", "MR").wcv == 0.15
    assert 100.0 * REPEATABILITY_FACTOR * known("longest_diameter").wcv == pytest.approx(22.0)
    assert known("mean_intensity") is None
    assert known("volume", modality="") is None
    assert known("volume").wcv == 0.141
    assert known("volume", mm=40.0).wcv == 0.103
    assert known("volume", mm=6.0).wcv == 0.29
    assert known("volume", mm=200.0).wcv == 0.085
    assert "outside the QIBA range" in known("volume", mm=200.0).source
    assert known("volume", site="left frontal lobe").wcv == 0.15  # the claim is void in the brain
    assert known("volume", modality="MR", site="brain").wcv == 0.08
    assert known("volume", modality="MR", site="liver").wcv == 0.15
    assert known("volume", modality="MR", site="head").wcv == 0.08
    assert known("volume", site="right upper lobe of the lung").wcv == 0.141


def test_local_values_come_first_and_the_most_specific_of_them():
    local = (
        Repeatability(0.05, "ours", "volume"),
        Repeatability(0.03, "ours, enhancing", "volume", "enhancing", "MR", "brain"),
    )

    def known(compartment, modality, site, quantity="volume"):
        return repeatability_of(
            quantity, compartment, modality=modality, diameter_mm=20.0, site=site, local=local
        ).wcv

    assert known("enhancing", "MR", "left frontal lobe") == 0.03
    assert known("enhancing", "CT", "liver") == 0.05
    assert known("whole", "", "", "longest_diameter") == pytest.approx(0.22 / REPEATABILITY_FACTOR)


def test_a_calibrated_volume_of_the_head_has_the_house_floor():
    def known(modality="MR", site="", quantity="volume", local=(), calibrated=True):
        return repeatability_of(quantity, "enhancing", modality=modality, diameter_mm=20.0,
                                site=site, local=local, calibrated=calibrated)  # fmt: skip

    assert known().wcv == known(site="left frontal lobe").wcv == HOUSE_WCV
    assert known(calibrated=False).wcv == 0.08
    assert known(site="liver").wcv == 0.15  # simulated heads say nothing of livers
    assert known("CT").wcv == 0.15
    assert known(quantity="longest_diameter").wcv == known(
        quantity="longest_diameter", calibrated=False
    ).wcv  # fmt: skip
    assert known(local=[Repeatability(0.2, "ours", "volume")]).source == "ours"
    # the limits that the constant states
    rc = 100.0 * REPEATABILITY_FACTOR * HOUSE_WCV
    sigma = REPEATABILITY_FACTOR * np.sqrt(np.log1p(HOUSE_WCV**2))
    assert rc == pytest.approx(14.0, abs=0.2)
    assert 100.0 * np.expm1([-sigma, sigma]) == pytest.approx([-13.0, 15.0], abs=0.2)


def test_every_published_setting_says_where_it_comes_from():
    assert all(s.source and s.quantity for s in PUBLISHED)


def test_a_figure_of_zero_is_judged_by_its_interval_alone():
    assert judge(5.0, 0.0, sd=(0.4, 0.01), source="x").exceeds is Exceeds.YES
    assert judge(0.0, 0.01, sd=(0.02, 0.01), source="x").exceeds is Exceeds.NO
    assert judge(0.0, 0.0, sd=(0.0, 0.0), source="x").exceeds is Exceeds.NO


@settings(deadline=None)
@given(st.floats(0.1, 100.0), st.floats(0.1, 100.0), st.floats(0.02, 0.3), st.floats(0.01, 100.0))
def test_the_verdict_does_not_depend_on_the_unit(earlier, later, wcv, factor):
    sd = (wcv * earlier, wcv * later)
    scaled = judge(earlier * factor, later * factor, sd=(sd[0] * factor, sd[1] * factor), source="")
    plain = judge(earlier, later, sd=sd, source="")
    ratio = abs(math.log(later / earlier))
    limits = (math.log1p(REPEATABILITY_FACTOR * wcv), REPEATABILITY_FACTOR * wcv)
    if min(abs(ratio - limit) for limit in limits) > 1e-3:
        assert scaled.exceeds is plain.exceeds or Exceeds.BORDERLINE in (
            scaled.exceeds,
            plain.exceeds,
        )
    assert scaled.ci_low == pytest.approx(plain.ci_low * factor, rel=1e-6, abs=1e-9)
