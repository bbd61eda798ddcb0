"""Courses drawn in memory, compared without files: what happens to lesions drawn as balls."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imgcompare.model import (
    WHOLE,
    Acquisition,
    Comparison,
    Course,
    Measurement,
    RegistrationQuality,
    Role,
    Series,
    Timepoint,
    Transform,
)
from imgcompare.options import CompareOptions, Seed
from imgcompare.pipeline import aligning, compare, comparing
from tests.segmentation.analytic import MR_ROLES, Plan, draw

SPACING = (2.5, 2.5, 2.5)
"""Coarse enough to be quick."""

Ball = tuple[float, float, float, float, float]


def course_of(plans: Sequence[Plan], roles: Sequence[Role] = MR_ROLES) -> Course:
    """Make a course of drawn visits, eight weeks apart."""
    return Course(
        "subject-01", tuple(_visit(n, replace(p, seed=n), roles) for n, p in enumerate(plans))
    )


def _visit(index: int, plan: Plan, roles: Sequence[Role]) -> Timepoint:
    series = {
        role: Series(
            uid=f"1.2.3.{index}.{n}",
            modality="CT" if role.startswith("CT") else "MR",
            role=role,
            role_reason="drawn",
            description="",
            geometry=volume.geometry,
            acquisition=Acquisition(),
            files=(),
            reader=lambda volume=volume: volume,
        )
        for n, (role, volume) in enumerate(draw(plan, roles).aligned.images.items())
    }
    day = dt.date(2024, 1, 10) + dt.timedelta(weeks=8 * index)
    return Timepoint(index, day, (f"1.2.3.{index}",), series)


def compare_drawn(
    monkeypatch: pytest.MonkeyPatch,
    *visits: Sequence[Ball],
    seeds: Sequence[tuple[float, float, float]],
    plan: Plan | None = None,
    roles: Sequence[Role] = MR_ROLES,
) -> Comparison:
    """Compare visits that show these balls, from seeds (x, y, z) at baseline."""
    plans = [replace(plan or Plan(spacing=SPACING), balls=tuple(balls)) for balls in visits]
    course = course_of(plans, roles)
    monkeypatch.setattr(comparing, "load_course", lambda *_, **__: course)
    monkeypatch.setattr(aligning, "register", _unmoved)
    given = tuple(Seed("0", point) for point in seeds)
    options = CompareOptions(seeds=given, criteria=("recist_1_1",))
    return compare([Path("drawn")], options=options)


def _unmoved(*_: object, **__: object) -> Transform:
    """Stand for a registration: nothing has moved in what is drawn."""
    return Transform(np.eye(4), quality=RegistrationQuality(1.0, 1.0, None, 1.0, True, ""))


def figure(
    comparison: Comparison, lesion: int, visit: int, quantity: str = "volume", part: str = WHOLE
) -> Measurement | None:
    """Give one figure."""
    return next(
        (
            m
            for m in comparison.measurements
            if (m.lesion_id, m.timepoint_index, m.quantity, m.compartment)
            == (lesion, visit, quantity, part)
        ),
        None,
    )
