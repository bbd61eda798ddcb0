import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from imgcompare.errors import ConfigurationError, MissingDependencyError
from imgcompare.registration import Engine, RegistrationSettings, engines, is_compiled, warm_up
from imgcompare.registration.engines import OUTSIDE, FixedVoxels, NumbaArithmetic, choose
from imgcompare.registration.plain import NumpyArithmetic

RANDOM = np.random.default_rng(11)
MOVING = RANDOM.integers(0, 256, (9, 11, 10)).astype(np.uint8)
VALUES = RANDOM.random((9, 11, 10), dtype=np.float32) * 30.0
BINS = RANDOM.integers(0, 8, (8, 10, 12)).astype(np.uint8)
BINS[:, 7:, :] = OUTSIDE
BINS[2, :, 3] = OUTSIDE
SPANS = np.tile(np.array([0, 12], np.int32), (80, 1))
FIXED = FixedVoxels(BINS, SPANS)
# Part of the points fall outside, part into the one voxel of falling weight; none on a voxel's
# centre, where slopes jump.
MATRIX = np.array(
    [[1.07, 0.05, -0.03, -0.613], [-0.04, 1.02, 0.07, 0.352], [0.06, -0.05, 0.93, -0.837]]
)


def _histogram(engine, matrix=MATRIX):
    return engine.joint_histogram(FIXED, MOVING, matrix=matrix, bins=8)


@pytest.mark.parametrize("engine", [NumbaArithmetic(1), NumbaArithmetic(2), NumpyArithmetic()])
def test_gradient_is_the_derivative_of_the_histogram(engine):
    table = np.random.default_rng(5).random((8, 9))
    exact = engine.histogram_gradient(FIXED, MOVING, matrix=MATRIX, table=table)
    step = 1e-6
    for entry in np.ndindex(3, 4):
        shifts = [MATRIX.copy(), MATRIX.copy()]
        shifts[0][entry] += step
        shifts[1][entry] -= step
        up, down = ((table * _histogram(NumpyArithmetic(), m)).sum() for m in shifts)
        numeric = (up - down) / (2.0 * step)
        assert exact[entry] == pytest.approx(numeric, abs=0.03 * np.abs(exact).max())


def test_engines_agree():
    fast, slow = NumbaArithmetic(), NumpyArithmetic()
    np.testing.assert_allclose(_histogram(fast), _histogram(slow), atol=2e-3)
    table = RANDOM.random((8, 9))
    gradients = [
        e.histogram_gradient(FIXED, MOVING, matrix=MATRIX, table=table) for e in (fast, slow)
    ]
    np.testing.assert_allclose(*gradients, rtol=1e-3, atol=1e-2)
    many = [
        e.information_of_many(FIXED, MOVING, matrices=np.stack([MATRIX] * 3), bins=8)
        for e in (fast, slow)
    ]
    np.testing.assert_allclose(*many, rtol=1e-4)
    for factors in ((1, 1, 1), (2, 3, 4), (1, 2, 2), (4, 1, 3)):
        np.testing.assert_allclose(
            fast.block_mean(VALUES, factors), slow.block_mean(VALUES, factors), rtol=1e-5
        )
    levels = [e.quantise(VALUES, low=3.0, high=27.0) for e in (fast, slow)]
    np.testing.assert_array_equal(*levels)
    assert (levels[0].min(), levels[0].max()) == (0, 255)
    mask = RANDOM.random((5, 4, 5)) > 0.4
    for steps in ((1, 1, 1), (2, 1, 3), (1, 4, 2)):
        filled = [
            e.fill_bins(MOVING, mask, factors=(2, 3, 2), bins=8, steps=steps) for e in (fast, slow)
        ]
        np.testing.assert_array_equal(filled[0].bins, filled[1].bins)
        assert filled[0].used == filled[1].used
        first, last = filled[0].spans.reshape(*filled[0].bins.shape[:2], 2).transpose(2, 0, 1)
        columns = np.arange(filled[0].bins.shape[2])
        outside = (columns < first[..., None]) | (columns >= last[..., None])
        assert (filled[0].bins[outside] == OUTSIDE).all()
    images = [
        e.resample_linear(VALUES, MATRIX, shape=(8, 10, 12), outside=-5.0) for e in (fast, slow)
    ]
    np.testing.assert_allclose(*images, atol=1e-4)


def test_histogram_counts_every_point_inside_once():
    inside = np.array([[0.5, 0, 0, 1.0], [0, 0.5, 0, 1.0], [0, 0, 0.5, 1.0]])
    assert _histogram(NumbaArithmetic(), inside).sum() == pytest.approx(FIXED.used, rel=1e-5)
    away = inside.copy()
    away[0, 3] = 50.0
    assert _histogram(NumbaArithmetic(), away).sum() == 0.0


def test_block_mean_of_partial_blocks_and_integers():
    source = np.arange(7, dtype=np.int16).reshape(1, 1, 7) * np.ones((2, 1, 1), np.int16)
    np.testing.assert_allclose(
        choose().block_mean(source, (2, 1, 3)), [[[1.0, 4.0, 6.0]]], rtol=1e-6
    )


def test_steps_leave_voxels_out():
    mask = RANDOM.random((3, 4, 5)) > 0.4
    every = choose().fill_bins(MOVING, mask, factors=(3, 3, 2), bins=8)
    assert 0 < every.used < MOVING.size
    thinned = choose().fill_bins(MOVING, mask, factors=(3, 3, 2), bins=8, steps=(1, 2, 3))
    np.testing.assert_array_equal(thinned.bins, every.bins[:, ::2, ::3])
    assert thinned.spans.shape == (9 * 6, 2)


def test_warm_up_compiles():
    warm_up()
    assert is_compiled()


def test_without_numba_numpy_takes_over(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "imgcompare.registration._kernels", None)
    monkeypatch.delattr("imgcompare.registration._kernels", raising=False)
    assert choose().name == "numpy"
    assert "numba" in caplog.text
    assert is_compiled()
    with pytest.raises(MissingDependencyError, match="numba"):
        choose(Engine.NUMBA)


def test_unwritable_cache_folders_do_not_stop_the_kernels(tmp_path):
    code = (
        "import numba.core.caching as c\n"
        "c.CacheImpl._locator_classes = []\n"
        "c.CompileResultCacheImpl._locator_classes = []\n"
        "from imgcompare.registration import _kernels, is_compiled, engines\n"
        "import numpy as np\n"
        "assert not is_compiled()\n"
        "mean = engines.choose().block_mean(np.ones((4, 4, 4), np.float32), (2, 2, 2))\n"
        "assert mean.shape == (2, 2, 2) and mean.max() == 1.0\n"
    )
    root = Path(engines.__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root), "PYTHONWARNINGS": "default"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "wrong",
    [
        {"finest_mm": 0.0},
        {"finest_mm": 9.0},
        {"max_translation_mm": -1.0},
        {"max_rotation_deg": 200.0},
        {"threads": -1},
    ],
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ConfigurationError):
        RegistrationSettings(**wrong)
    assert RegistrationSettings(engine="numpy").engine is Engine.NUMPY
