"""Judges what we make of a case: right, or what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np

from imgcompare.errors import ImgCompareError
from imgcompare.geometry import from_nifti_affine
from imgcompare.loading import scan
from imgcompare.model import Series, Volume
from tests.loading.hard_cases import HardCase, Truth
from tests.loading.peers import PEERS, SAME, PeerError, absence, in_place, verdict
from tests.loading.real_cases import PYDICOM, RealCase


@dataclass(frozen=True)
class Outcome:
    """What a scan found: series, or why there are none."""

    series: tuple[Series, ...]
    refusal: str = ""

    def __str__(self) -> str:
        """What a table shows."""
        refused = [s for s in self.series if s.refusal]
        if self.refusal or refused:
            return f"refused: {self.refusal or refused[0].refusal}"
        shapes = dict.fromkeys("×".join(map(str, s.geometry.shape)) for s in self.series)
        many = f"{len(self.series)} volumes" if len(self.series) > 1 else "1 volume"
        return f"{many} of {' and '.join(shapes)}"

    def refused_for(self, word: str) -> str:
        """`SAME` if everything is refused for a reason that holds a word."""
        reasons = [self.refusal] if self.refusal else [s.refusal for s in self.series]
        wrong = [r for r in reasons if word not in r]
        return f"not refused for {word!r}: {wrong[0] or 'loaded'}" if wrong else SAME


def outcome_of(path: Path) -> Outcome:
    """Scan a path."""
    try:
        courses = scan(path).courses
    except ImgCompareError as error:
        return Outcome((), str(error))
    return Outcome(
        tuple(s for c in courses for t in c.timepoints for s in (*t.series.values(), *t.others))
    )


def judge_hard(case: HardCase, truth: Truth, outcome: Outcome, folder: Path) -> str:
    """`SAME` if we are right about a case made in code, else what is wrong."""
    if isinstance(truth, str):
        return outcome.refused_for(truth)
    if outcome.refusal:
        return outcome.refusal
    if case.judge:
        if not all(s.acquisition.lossy for s in outcome.series):
            return "not flagged as lossy"
        truth = PEERS[case.judge](folder)
    return verdict(outcome.series, truth)


def judge_real(case: RealCase, outcome: Outcome, shared: Path, *, peers: int = 3) -> str:
    """`SAME` if we are right about a real series, else what is wrong.

    Asks at most ``peers`` of those that are right.
    """
    path = case.path(shared)
    if case.judge.startswith("refused: "):
        return outcome.refused_for(case.judge.removeprefix("refused: "))
    if outcome.refusal:
        return outcome.refusal
    asked = [p for p in case.right if not absence(p)][:peers]
    for peer in asked:
        try:
            found = verdict(outcome.series, PEERS[peer](path))
        except PeerError as error:
            found = str(error)
        if found != SAME:
            return f"{peer}: {found}"
    if case.right:
        return SAME if asked else "no peer that is right is installed"
    if case.judge == PYDICOM:
        return in_place(outcome.series, path)
    return verdict(outcome.series, _references(shared / case.judge))


def _references(folder: Path) -> list[Volume]:
    """Read the NIfTI files that the publisher of a data set compares with."""
    images = [nibabel.load(path) for path in sorted(folder.glob("*.nii"))]
    return [
        Volume(
            np.asarray(image.dataobj).T,  # type: ignore[attr-defined]
            from_nifti_affine(image.affine, image.shape[:3]),  # type: ignore[attr-defined]
        )
        for image in images
    ]
