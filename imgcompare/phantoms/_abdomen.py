"""The upper abdomen as a function of position: which tissue is at a point in anatomy LPS mm."""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

from imgcompare.phantoms._fields import ellipsoid
from imgcompare.phantoms.tissues import Part

_AIR = int(Part.AIR)
_LIVER = int(Part.LIVER)
_FAT = int(Part.FAT)


@nb.njit(cache=True, fastmath=True)
def abdomen_part(texture: npt.NDArray[np.float32], x: float, y: float, z: float) -> int:
    """Tell which Part of the abdomen is at a point."""
    if ellipsoid(x, y, 0.0, 0.0, 0.0, 0.0, 165.0, 115.0, 1e6) > 0.0:
        return _AIR
    if ellipsoid(x, y, z, -70.0, -10.0, 20.0, 75.0, 85.0, 80.0) < 0.0:
        return _LIVER
    return _FAT


@nb.njit(cache=True, fastmath=True)
def inside_abdomen(texture: npt.NDArray[np.float32], x: float, y: float, z: float) -> bool:
    """Tell whether a point lies inside the skin."""
    return ellipsoid(x, y, 0.0, 0.0, 0.0, 0.0, 165.0, 115.0, 1e6) < 0.0
