"""Lesions proposed from contrast phases: found where they are, none where there are none."""

import numpy as np
import pytest

from imgcompare.errors import SegmentationError
from imgcompare.loading import scan
from imgcompare.model import AlignedTimepoint, Quantity, Role, Timepoint, Transform, Volume
from imgcompare.segmentation.likeness import is_lesion
from imgcompare.segmentation.preparation import Prepared, prepare
from imgcompare.segmentation.proposal import propose_lesions
from tests.builders import ellipsoid, make_geometry
from tests.segmentation.analytic import MR_ROLES, Plan, draw, overlap


def test_the_lesion_is_proposed_and_nothing_else():
    drawn = draw(Plan(), MR_ROLES)
    labels = propose_lesions(prepare(drawn.aligned)).array
    assert labels.max() == 1
    assert overlap(labels == 1, drawn.region.array > 0) > 0.93


def test_a_known_lesion_is_not_proposed_again():
    drawn = draw(Plan(), MR_ROLES)
    labels = propose_lesions(prepare(drawn.aligned), known=drawn.region.array > 0).array
    assert not labels.any()


@pytest.mark.parametrize("roles", [(Role.T1C,), (Role.T1C, Role.T2)])
def test_one_contrast_phase_is_not_enough(roles):
    with pytest.raises(SegmentationError, match="--seed, or --mask"):
        propose_lesions(prepare(draw(Plan(), roles).aligned))


@pytest.mark.parametrize(
    ("arterial", "portal", "lesion"),
    [(128.0, 98.0, True), (22.0, 23.0, True), (82.0, 145.0, False)],
)
def test_blood_in_veins_is_no_lesion(arterial: float, portal: float, lesion: bool):
    grid = make_geometry((40, 40, 40), spacing_mm=(1.5, 1.5, 1.5), origin_mm=(0.0, 0.0, 0.0))
    ball = ellipsoid(grid, grid.centre_mm, (10.0, 10.0, 10.0))
    levels = {Role.CT_PORTAL: (112.0, portal), Role.CT_ARTERIAL: (70.0, arterial)}
    images = {r: np.where(ball, v, organ).astype(np.float32) for r, (organ, v) in levels.items()}
    volumes = {r: Volume(i, grid, Quantity.HU) for r, i in images.items()}
    visit = Timepoint(0, None, (), {})
    aligned = AlignedTimepoint(visit, Role.CT_PORTAL, volumes, {}, Transform.identity())
    prepared = Prepared(aligned, np.ones_like(ball), None, images, {}, None, 0.0)
    assert is_lesion(prepared, ball) is lesion
    assert not is_lesion(prepared, ball & ellipsoid(grid, grid.centre_mm, (2.0, 2.0, 2.0)))


OEDEMA = {Role.T1: 0.75, Role.T2: 2.5, Role.FLAIR: 1.6}
CSF = {Role.T1: 0.3, Role.T2: 3.2, Role.FLAIR: 0.2}


@pytest.mark.parametrize("missing", [(), (Role.FLAIR,), (Role.T2,), (Role.T2, Role.FLAIR)])
@pytest.mark.parametrize(("around", "lesion"), [(OEDEMA, True), (CSF, False)])
def test_oedema_around_a_lesion_is_no_fluid(
    around: dict[Role, float], lesion: bool, missing: tuple[Role, ...]
):
    """What CSF surrounds is choroid plexus."""
    around = {r: v for r, v in around.items() if r not in missing}
    grid = make_geometry((40, 40, 40), spacing_mm=(1.5, 1.5, 1.5), origin_mm=(0.0, 0.0, 0.0))
    ball = ellipsoid(grid, grid.centre_mm, (10.0, 10.0, 10.0))
    images = {r: np.where(ball, 1.2, v).astype(np.float32) for r, v in around.items()}
    images[Role.T1C] = images[Role.T1] + ball.astype(np.float32)
    volumes = {r: Volume(i, grid, Quantity.MR_SIGNAL) for r, i in images.items()}
    visit = Timepoint(0, None, (), {})
    aligned = AlignedTimepoint(visit, Role.T1C, volumes, {}, Transform.identity())
    gain = ball.astype(np.float32)
    prepared = Prepared(aligned, np.ones_like(ball), np.ones_like(ball), images, {}, gain, 0.02)
    assert is_lesion(prepared, ball) is lesion


def test_a_real_glioma_is_the_only_proposal(shared_data):
    course = scan([shared_data / "dqe"]).courses[0]
    series = course.timepoints[0].series
    images = {r: series[r].load() for r in (Role.T1C, Role.T1, Role.T2, Role.FLAIR)}
    stay = Transform.identity()
    aligned = AlignedTimepoint(
        course.timepoints[0], Role.T1C, images, dict.fromkeys(images, stay), stay
    )
    import SimpleITK as sitk

    truth = sitk.GetArrayFromImage(
        sitk.ReadImage(str(shared_data / "dqe" / "seg-BraTS23_1.nii.gz"))
    )
    labels = propose_lesions(prepare(aligned)).array
    assert labels.max() == 1
    assert overlap(labels == 1, np.isin(truth, (1, 3))) > 0.85
