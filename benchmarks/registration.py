"""Register simulated head scans beside elastix, greedy and SimpleITK; the true motion is known.

    python benchmarks/registration.py [--repeats 5] [--spacing 1] [--peer-python PATH]...

Follow-up to baseline T1C (same contrast), follow-up FLAIR to baseline T1C (cross contrast), and T1
to T1C within a visit. One process per run, contestants take turns, medians. Only the registration
call is timed: images are read and libraries imported before. ``tre_mm`` is the mean distance
from the truth over the head. ``--cold`` adds a run with an empty compilation cache. Peers that
live in another Python are looked for in each ``--peer-python``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from harness import Contestant, contest, run_once, table

from imgcompare.geometry import to_sitk
from imgcompare.model import Role
from imgcompare.phantoms import ScanSettings, build_case, simulate

Matrix = npt.NDArray[np.float64]

COMMON = """
import numpy as np
truth, points = np.load({folder!r} + "/{pair}_truth.npy"), np.load({folder!r} + "/points.npy")
fixed_file, moving_file = {folder!r} + "/fixed.nii", {folder!r} + "/{pair}.nii"
def error(moving_from_fixed):
    "Mean distance in moving space between the map found and the true one, at head points."
    true = np.linalg.inv(truth)
    found = points @ moving_from_fixed[:3, :3].T + moving_from_fixed[:3, 3]
    return float(np.linalg.norm(found - points @ true[:3, :3].T - true[:3, 3], axis=1).mean())
def around(linear, shift, centre):
    "Affine matrix of x -> linear (x - centre) + centre + shift."
    out = np.eye(4)
    out[:3, :3] = linear
    out[:3, 3] = np.asarray(shift) + centre - out[:3, :3] @ np.asarray(centre)
    return out
"""

IMGCOMPARE = """
{before}
import SimpleITK as sitk
from imgcompare.geometry import from_sitk
from imgcompare.model import Volume
from imgcompare.registration import RegistrationSettings, register, warm_up
images = [sitk.ReadImage(f) for f in (moving_file, fixed_file)]
volumes = [Volume(sitk.GetArrayFromImage(i), from_sitk(i)) for i in images]
del images
start = time.perf_counter()
{warm}
found = register(*volumes, settings=RegistrationSettings(finest_mm={finest}))
seconds = time.perf_counter() - start
assert found.quality.succeeded, found.quality.reason
report(seconds=seconds, tre_mm=error(np.linalg.inv(found.matrix)), cpu_s=time.process_time())
"""

ELASTIX = """
import itk
fixed = itk.imread(fixed_file, itk.F)
moving = itk.imread(moving_file, itk.F)
parameters = itk.ParameterObject.New()
settings = parameters.GetDefaultParameterMap("rigid")
settings["AutomaticTransformInitialization"] = ["true"]
settings["AutomaticTransformInitializationMethod"] = ["CenterOfGravity"]
settings["WriteResultImage"] = ["false"]
parameters.AddParameterMap(settings)
start = time.perf_counter()
engine = itk.ElastixRegistrationMethod.New(fixed, moving)
engine.SetParameterObject(parameters)
engine.SetLogToConsole(False)
engine.UpdateLargestPossibleRegion()
seconds = time.perf_counter() - start
result = engine.GetTransformParameterObject().GetParameterMap(0)
x, y, z, *shift = [float(v) for v in result["TransformParameters"]]
centre = [float(v) for v in result["CenterOfRotationPoint"]]
def turn(angle, i, j):
    out = np.eye(3)
    out[i, i] = out[j, j] = np.cos(angle)
    out[i, j], out[j, i] = -np.sin(angle), np.sin(angle)
    return out
linear = turn(z, 0, 1) @ turn(x, 1, 2) @ turn(y, 2, 0)
report(seconds=seconds, tre_mm=error(around(linear, shift, centre)), cpu_s=time.process_time())
"""

GREEDY = """
import SimpleITK as sitk
from picsl_greedy import Greedy3D
fixed, moving = (sitk.ReadImage(f, sitk.sitkFloat32) for f in (fixed_file, moving_file))
start = time.perf_counter()
greedy = Greedy3D()
greedy.execute(
    "-i fixed moving -a -dof 6 -ia-image-centers -n 100x50x10 -m NMI -o result -V 0",
    fixed=fixed, moving=moving, result=None,
)
seconds = time.perf_counter() - start
flip = np.diag([-1.0, -1.0, 1.0, 1.0])
found = flip @ np.asarray(greedy["result"]) @ flip
report(seconds=seconds, tre_mm=error(found), cpu_s=time.process_time())
"""

SIMPLEITK = """
import SimpleITK as sitk
fixed, moving = (sitk.ReadImage(f, sitk.sitkFloat32) for f in (fixed_file, moving_file))
start = time.perf_counter()
method = sitk.ImageRegistrationMethod()
method.SetMetricAsMattesMutualInformation(50)
method.SetMetricSamplingStrategy(method.REGULAR)
method.SetMetricSamplingPercentage(0.2)
method.SetInterpolator(sitk.sitkLinear)
method.SetOptimizerAsConjugateGradientLineSearch(1.0, 100, 1e-5, 5)
method.SetOptimizerScalesFromPhysicalShift()
method.SetShrinkFactorsPerLevel([8, 4])
method.SetSmoothingSigmasPerLevel([4, 2])
method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
first = sitk.CenteredTransformInitializer(
    fixed, moving, sitk.Euler3DTransform(), sitk.CenteredTransformInitializerFilter.MOMENTS
)
method.SetInitialTransform(first, inPlace=True)
method.Execute(fixed, moving)
seconds = time.perf_counter() - start
linear = np.array(first.GetMatrix()).reshape(3, 3)
found = around(linear, first.GetTranslation(), first.GetCenter())
report(seconds=seconds, tre_mm=error(found), cpu_s=time.process_time())
"""

COLD = "import os, tempfile; os.environ['NUMBA_CACHE_DIR'] = tempfile.mkdtemp()"

PEERS = (
    ("elastix (itk-elastix)", "itk", ELASTIX),
    ("greedy (picsl_greedy)", "picsl_greedy", GREEDY),
    ("SimpleITK, Mattes, shrink 8-4", "SimpleITK", SIMPLEITK),
)

PAIRS = {
    "same": ("follow-up T1C to baseline T1C", 1, Role.T1C),
    "cross": ("follow-up FLAIR to baseline T1C", 1, Role.FLAIR),
    "within": ("T1 to T1C of one visit", 0, Role.T1),
}


def prepare(folder: Path, spacing_mm: float) -> None:
    """Simulate the scans and write them with their true motion."""
    case = build_case("pseudoprogression", seed=5)
    settings = ScanSettings(spacing_mm=(spacing_mm,) * 3)
    baseline = simulate(case, 0, settings=settings, roles=(Role.T1C, Role.T1))
    later = simulate(case, 1, settings=settings, roles=(Role.T1C, Role.FLAIR))
    fixed = baseline.images[Role.T1C]
    sitk.WriteImage(to_sitk(fixed.array, fixed.geometry), str(folder / "fixed.nii"))
    head = np.argwhere(baseline.head)[::997]
    np.save(folder / "points.npy", fixed.geometry.index_to_world(head))
    for pair, (_, timepoint, role) in PAIRS.items():
        scans = (baseline, later)[timepoint]
        moving = scans.images[role]
        sitk.WriteImage(to_sitk(moving.array, moving.geometry), str(folder / f"{pair}.nii"))
        truth = np.linalg.inv(baseline.to_anatomy[Role.T1C]) @ scans.to_anatomy[role]
        np.save(folder / f"{pair}_truth.npy", truth)


def _python_with(library: str, interpreters: list[str]) -> str | None:
    """Give the first interpreter that has a library."""
    for python in interpreters:
        code = f"import importlib.util as u, sys; sys.exit(u.find_spec({library!r}) is None)"
        if subprocess.run([python, "-c", code], check=False).returncode == 0:
            return python
    return None


def contestants(folder: Path, pair: str, interpreters: list[str]) -> list[Contestant]:
    """Give everyone who is installed; imgcompare first, with its compilation cache filled."""
    common = COMMON.format(folder=str(folder), pair=pair)

    def ours(finest: float, *, cold: bool = False) -> str:
        body = IMGCOMPARE.replace("{finest}", str(finest)).replace("{before}", COLD if cold else "")
        return common + body.replace(
            "{warm}", "" if cold else "warm_up(); start = time.perf_counter()"
        )

    out = [
        Contestant("imgcompare", ours(1.0)),
        Contestant("imgcompare, stopped at 2 mm", ours(2.0)),
        Contestant("imgcompare, cold", ours(1.0, cold=True)),
    ]
    for name, library, code in PEERS:
        python = _python_with(library, interpreters)
        if python:
            out.append(Contestant(name, common + code, python))
    return out


def main() -> None:
    """Print a table per pair."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--spacing", type=float, default=1.0, help="voxel side, mm")
    parser.add_argument("--peer-python", action="append", default=[], metavar="PATH")
    parser.add_argument("--pair", choices=PAIRS, action="append", help="default: all")
    parser.add_argument("--only", default="", help="only peers whose name contains this")
    parser.add_argument("--cold", action="store_true", help="also time the first-ever run")
    parser.add_argument("--prepare", metavar="FOLDER", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.prepare:
        prepare(Path(arguments.prepare), arguments.spacing)
        return
    interpreters = [*arguments.peer_python, sys.executable]
    with tempfile.TemporaryDirectory() as folder:
        # In its own process: a child's peak memory starts at its parent's size.
        scanner = [sys.executable, __file__, "--prepare", folder]
        subprocess.run([*scanner, "--spacing", str(arguments.spacing)], check=True)
        for pair in arguments.pair or PAIRS:
            ours, coarse, cold, *peers = contestants(Path(folder), pair, interpreters)
            run_once(ours)  # fills the compilation cache
            taking_part = [ours, coarse, *(p for p in peers if arguments.only in p.name)]
            outcomes = contest(taking_part, repeats=arguments.repeats)
            print(table(f"\n{PAIRS[pair][0]}", outcomes, columns=("tre_mm", "cpu_s")))
            if arguments.cold:
                print(cold.name, run_once(cold))


if __name__ == "__main__":
    main()
