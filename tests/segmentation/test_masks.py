"""Body and brain masks."""

import numpy as np

from imgcompare.model import Role
from imgcompare.segmentation.masks import (
    Shaper,
    block_mean,
    expand,
    find_body,
    find_brain,
    largest_component,
)
from tests.segmentation.analytic import Plan, draw, overlap


def test_blocks_average_and_keep_a_short_last_block():
    array = np.arange(10, dtype=np.float32).reshape(1, 2, 5)
    coarse = block_mean(array, (1, 2, 2))
    assert coarse.shape == (1, 1, 3)
    np.testing.assert_allclose(coarse[0, 0], [3.0, 5.0, 6.5])


def test_a_mask_of_blocks_grows_back_to_its_grid():
    mask = np.zeros((4, 4, 4), dtype=bool)
    mask[1:3, 1:3, 1:3] = True
    full = expand(mask, (2, 2, 2), (8, 8, 7))
    assert full.shape == (8, 8, 7)
    assert full[4, 4, 4]
    assert not full[0].any()


def test_distances_ignore_the_slice_axis_in_a_slab():
    mask = np.ones((3, 9, 9), dtype=bool)
    mask[:, 0] = False
    assert Shaper((1.0, 1.0, 1.0), planar=True).erode(mask, 3.5)[0, 5, 5]
    mask[0] = False
    assert not Shaper((1.0, 1.0, 1.0), planar=False).erode(mask, 3.5)[1, 5, 5]
    assert Shaper((1.0, 1.0, 1.0), planar=True).erode(mask, 3.5)[1, 5, 5]


def test_only_the_largest_part_is_kept():
    mask = np.zeros((1, 5, 9), dtype=bool)
    mask[0, 1:4, 1:4] = True
    mask[0, 2, 7] = True
    assert largest_component(mask).sum() == 9


def test_brain_is_found_inside_the_skull():
    drawn = draw()
    images = {r: v.array for r, v in drawn.aligned.images.items()}
    grid = drawn.aligned.geometry
    body = find_body(images[Role.T1C], grid, hounsfield=False)
    brain, stripped = find_brain(images, body, grid)
    assert not stripped
    assert brain[drawn.white].mean() > 0.99
    assert brain[drawn.whole > 0.5].mean() > 0.99
    # True brain: depth of more than 9 of 60 mm, so 61 % of the head.
    assert 0.5 < brain.sum() / body.sum() < 0.72


def test_a_stripped_head_is_all_brain():
    drawn = draw(Plan(stripped=True))
    images = {r: v.array for r, v in drawn.aligned.images.items()}
    body = find_body(images[Role.T1C], drawn.aligned.geometry, hounsfield=False)
    brain, stripped = find_brain(images, body, drawn.aligned.geometry)
    assert stripped
    assert overlap(brain, images[Role.T1] > 0) > 0.97


def test_air_has_no_body():
    drawn = draw()
    nothing = np.zeros(drawn.aligned.geometry.shape, dtype=np.float32)
    assert not find_body(nothing, drawn.aligned.geometry, hounsfield=False).any()


def test_a_single_slice_has_a_body_too():
    drawn = draw()
    grid = drawn.aligned.geometry
    middle = drawn.aligned.images[Role.T1C].array[33:34]
    one = grid.crop((33, 0, 0), (34, *grid.shape[1:]))
    assert find_body(middle, one, hounsfield=False)[drawn.white[33:34]].all()
