"""Siemens mosaics become the slices they were made of."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgcompare.errors import NothingFoundError
from imgcompare.loading import scan
from imgcompare.loading.mosaic import read_csa
from tests.builders import make_geometry
from tests.loading.hard_cases import csa, write_mosaic
from tests.loading.scanned import only_series


@pytest.mark.parametrize("count", [1, 4, 5, 9, 10])
def test_slices_lie_where_they_were(tmp_path: Path, count: int) -> None:
    grid = make_geometry((count, 6, 8), oblique_deg=(10.0, -20.0, 5.0))
    (truth,) = write_mosaic(tmp_path, grid)
    volume = only_series(tmp_path).load()
    np.testing.assert_array_equal(volume.array, truth.array)
    corners = np.array([(0, 0, 0), (count - 1, 5, 7)])
    off = volume.geometry.index_to_world(corners) - grid.index_to_world(corners)
    assert np.abs(off).max() < 1e-3


def test_number_of_slices_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    write_mosaic(tmp_path, make_geometry((6, 7, 8)))
    (path,) = tmp_path.iterdir()
    dataset = pydicom.dcmread(path)
    block = dataset.private_block(0x0029, "SIEMENS CSA HEADER")
    block[0x10].value = csa(30, (0.0, 0.0, 1.0))
    dataset.save_as(path)
    with pytest.raises(NothingFoundError, match="mosaic of 30 slices that do not fit"):
        scan(tmp_path)


def test_header_is_read() -> None:
    fields = read_csa(csa(36, (0.0, 0.6, 0.8)))
    assert fields["NumberOfImagesInMosaic"] == (36.0,)
    assert fields["SliceNormalVector"] == (0.0, 0.6, 0.8)


@given(st.binary(max_size=300), st.integers(0, 200), st.integers(0, 255))
def test_damaged_headers_never_fail(tail: bytes, at: int, value: int) -> None:
    whole = bytearray(csa(36, (0.0, 0.6, 0.8)))
    whole[at] = value
    read_csa(bytes(whole))
    read_csa(bytes(whole[: at + 10]) + tail)
    read_csa(b"SV10" + tail)
