import math

import numpy as np
import pytest

from imgcompare.measurement import error_model, redraw
from imgcompare.measurement.redraw import CORRELATION
from imgcompare.model import ComparabilityFinding, Concern, Measurement, Severity

DRAWS = 2000


def lesions(count, mm=30.0, *, t=0):
    return [Measurement(n, t, "whole", "longest_diameter", mm, "mm") for n in range(count)]


def drawn(figures, **options):
    return np.array(
        [
            [m.value for m in one]
            for one in redraw(figures, error_model(figures), draws=DRAWS, **options)
        ]
    )


def spread_percent(values):
    """Limits that 95 % of differences between two draws stay within, %."""
    return 100 * 1.96 * math.sqrt(2) * np.log(values).std()


def test_one_diameter_and_the_sum_of_three_repeat_as_published():
    # criteria.md §6 (Yoon 2016): single lesion ±22 %, sum ±19.5 % between readers
    assert pytest.approx(0.68, abs=0.005) == CORRELATION
    assert spread_percent(drawn(lesions(1))[:, 0]) == pytest.approx(22, abs=1.5)
    assert spread_percent(drawn(lesions(3)).sum(axis=1)) == pytest.approx(19.5, abs=1.5)


def test_visits_err_independently():
    values = drawn([*lesions(1), *lesions(1, t=1)])
    assert abs(np.corrcoef(np.log(values.T))[0, 1]) < 0.08


def test_the_same_seed_gives_the_same_draws_whatever_the_order_of_rows():
    figures = [*lesions(2), *lesions(2, t=1)]
    assert (drawn(figures) == drawn(figures[::-1])[:, ::-1]).all()
    assert not (drawn(figures) == drawn(figures, seed=1)).all()


def test_zero_and_figures_without_a_known_error_stay():
    figures = [
        Measurement(1, 0, "whole", "longest_diameter", 0.0, "mm"),
        Measurement(1, 0, "whole", "volume", 3.0, "mL"),  # modality not known
    ]
    assert (drawn(figures) == [0.0, 3.0]).all()


def test_a_major_difference_widens_the_draws_of_the_later_visit():
    finding = ComparabilityFinding("c", Severity.MAJOR, (Concern.SIZE,), 0, 1, "", "", "", "x")
    values = drawn([*lesions(1), *lesions(1, t=1)], comparability=[finding])
    assert np.log(values[:, 1]).std() > 1.6 * np.log(values[:, 0]).std()
