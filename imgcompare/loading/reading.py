"""Makes the functions that read a stack's voxels: unpacked, compared with copies, made even."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from imgcompare.errors import ImgCompareError, SeriesError
from imgcompare.geometry import Geometry
from imgcompare.loading.duplicates import Copy, require_equal
from imgcompare.loading.identity import Scrubber
from imgcompare.loading.instances import Instance
from imgcompare.loading.meaning import Scaling
from imgcompare.loading.pixels import read_stack
from imgcompare.loading.regridding import apply_regrid
from imgcompare.loading.stacking import Stack
from imgcompare.loading.unpacking import unpacked
from imgcompare.model import Volume


def reader(
    stack: Stack, name: str, scrub: Scrubber, scaling: Scaling | None = None
) -> Callable[[], Volume]:
    """Make the function that reads a stack's voxels when called; its errors name no patient."""

    def read() -> Volume:
        try:
            return _read(stack, name, scaling)
        except ImgCompareError as error:
            raise type(error)(scrub(str(error))) from None

    return read


def _read(stack: Stack, name: str, scaling: Scaling | None) -> Volume:
    """Read a stack's voxels; unpack what lies in archives, compare copies, make slices even."""
    if stack.refusal:
        raise SeriesError(f"{name} cannot be loaded: it {stack.refusal}.")
    planes = (*stack.instances, *(c.left_out for c in stack.copies))
    with unpacked(p.path for p in planes) as files:
        stack = _moved(stack, files)
        require_equal(stack.copies, lambda plane: read_stack(_alone(stack, plane), name=name).array)
        if stack.regrid is None:
            return read_stack(stack, name=name, scaling=scaling)
        grid = stack.geometry
        acquired = Geometry((len(stack.instances), *grid.shape[1:]), grid.affine)
        volume = read_stack(replace(stack, geometry=acquired), name=name, scaling=scaling)
    return Volume(apply_regrid(volume.array, stack.regrid), grid, volume.quantity)


def _moved(stack: Stack, files: Mapping[str, str]) -> Stack:
    """Give the stack with planes read from where they were unpacked."""
    if not files:
        return stack

    def moved(plane: Instance) -> Instance:
        return replace(plane, path=files.get(plane.path, plane.path))

    copies = tuple(Copy(moved(c.used), moved(c.left_out)) for c in stack.copies)
    return replace(stack, instances=tuple(map(moved, stack.instances)), copies=copies)


def _alone(stack: Stack, plane: Instance) -> Stack:
    """Give a stack of one of its planes."""
    grid = Geometry((1, *stack.geometry.shape[1:]), stack.geometry.affine)
    return Stack((plane,), grid)
