"""Compare ways to make neighbouring voxels agree, on phantoms and on a real glioma.

    python -m benchmarks.regularisers [--dqe FOLDER] [--noise 0.15] [--slice-mm 1 5]

Each method replaces ``smooth_probability`` in the labelling of compartments; all else stays. Prints
Dice of enhancing and necrotic tissue and, on phantoms, the error of their volumes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage, sparse
from scipy.sparse.csgraph import breadth_first_order, maximum_flow
from scipy.sparse.linalg import cg

from imgcompare.geometry import Geometry, from_sitk
from imgcompare.model import AlignedTimepoint, LabelMap, Role, Timepoint, Tissue, Transform, Volume
from imgcompare.phantoms import ScanSettings, build_case, simulate
from imgcompare.segmentation import mr_compartments
from imgcompare.segmentation.compartments import segment_compartments
from imgcompare.segmentation.preparation import Prepared, prepare
from imgcompare.segmentation.regularise import smooth_probability

STRENGTH_MM = 0.5
CAPACITY = 200.0
Method = Callable[..., np.ndarray]


def threshold(evidence, region, spacing_mm, *, strength_mm=0.0):
    """No regularisation."""
    return (region & (evidence > 0)).astype(np.float32)


def majority(evidence, region, spacing_mm, *, strength_mm=0.0):
    """Majority of a voxel and its six neighbours."""
    votes = np.where(region, np.sign(evidence), 0.0)
    kernel = ndimage.generate_binary_structure(3, 1).astype(float)
    return (region & (ndimage.convolve(votes, kernel) > 0)).astype(np.float32)


def _edges(region, spacing_mm):
    index = np.full(region.shape, -1)
    index[region] = np.arange(region.sum())
    found = []
    for axis, spacing in enumerate(spacing_mm):
        first = np.moveaxis(index, axis, 0)[:-1].ravel()
        second = np.moveaxis(index, axis, 0)[1:].ravel()
        keep = (first >= 0) & (second >= 0)
        weight = np.full(keep.sum(), STRENGTH_MM / spacing)
        found.append((first[keep], second[keep], weight))
    return [np.concatenate(parts) for parts in zip(*found, strict=True)]


def _graph(region, spacing_mm):
    i, j, w = _edges(region, spacing_mm)
    n = int(region.sum())
    upper = sparse.coo_matrix((w, (i, j)), shape=(n, n))
    return (upper + upper.T).tocsr()


def _full(region, values):
    out = np.zeros(region.shape, dtype=np.float32)
    out[region] = values
    return out


def icm(evidence, region, spacing_mm, *, strength_mm=STRENGTH_MM):
    """Apply iterated conditional modes (Besag 1986), red and black voxels in turn."""
    graph, u = _graph(region, spacing_mm), evidence[region].astype(float)
    colour = np.indices(region.shape).sum(axis=0)[region] % 2
    label = np.sign(u)
    for step in range(30):
        label = np.where(colour == step % 2, np.sign(u + graph @ label), label)
    return _full(region, label > 0)


def graph_cut(evidence, region, spacing_mm, *, strength_mm=STRENGTH_MM):
    """Exact minimum of the same energy (Greig 1989)."""
    i, j, w = _edges(region, spacing_mm)
    u, n = evidence[region].astype(float), int(region.sum())
    link = np.round(w * CAPACITY).astype(np.int32)
    pro, contra = np.flatnonzero(u > 0), np.flatnonzero(u <= 0)
    rows = np.concatenate([i, j, np.full(len(pro), n), contra])
    columns = np.concatenate([j, i, pro, np.full(len(contra), n + 1)])
    data = np.abs(np.round(np.concatenate([u[pro], u[contra]]) * CAPACITY)).astype(np.int32)
    graph = sparse.csr_matrix(
        (np.concatenate([link, link, data]), (rows, columns)), shape=(n + 2, n + 2)
    )
    residual = graph - maximum_flow(graph, n, n + 1).flow
    residual.data = (residual.data > 0).astype(np.int8)
    residual.eliminate_zeros()
    label = np.zeros(n + 2, dtype=bool)
    label[breadth_first_order(residual, n, return_predecessors=False)] = True
    return _full(region, label[:n])


def total_variation(evidence, region, spacing_mm, *, strength_mm=STRENGTH_MM):
    """Convex relaxation with isotropic total variation (Chan 2006; Chambolle–Pock 2011)."""
    weight = [STRENGTH_MM / s for s in spacing_mm]
    x = threshold(evidence, region, spacing_mm).astype(float)
    ahead, dual = x.copy(), np.zeros((3, *x.shape))
    inside = [region & np.roll(region, -1, a) for a in range(3)]
    for _ in range(150):
        slope = [
            w * m * (np.roll(ahead, -1, a) - ahead)
            for a, (w, m) in enumerate(zip(weight, inside, strict=True))
        ]
        dual += 0.3 * np.stack(slope)
        dual /= np.maximum(1.0, np.sqrt((dual**2).sum(axis=0)) / 2.0)
        flux = [w * m * d for w, m, d in zip(weight, inside, dual, strict=True)]
        divergence = sum(f - np.roll(f, 1, a) for a, f in enumerate(flux))
        new = np.clip(x + 0.25 * (divergence + evidence), 0, 1) * region
        ahead, x = 2 * new - x, new
    return x.astype(np.float32)


def random_walker(evidence, region, spacing_mm, *, strength_mm=STRENGTH_MM):
    """Random walker with priors (Grady 2005): a linear system."""
    graph, prior = _graph(region, spacing_mm), np.tanh(evidence[region].astype(float) / 2)
    degree = np.asarray(graph.sum(axis=1)).ravel()
    system = sparse.diags_array(1.0 + degree) - graph
    return _full(region, (cg(system, prior, x0=prior, rtol=1e-4, maxiter=200)[0] + 1) / 2)


METHODS: dict[str, Method] = {
    "threshold": threshold,
    "majority": majority,
    "ICM": icm,
    "mean field": smooth_probability,
    "graph cut": graph_cut,
    "total variation": total_variation,
    "random walker": random_walker,
}


def _dice(a, b):
    return 2.0 * (a & b).sum() / max(1, a.sum() + b.sum())


def _aligned(images: dict[Role, Volume]) -> AlignedTimepoint:
    time_ = Timepoint(0, None, (), {})
    return AlignedTimepoint(time_, Role.T1C, images, {}, Transform.identity())


def _noisier(prepared: Prepared, sd: float) -> Prepared:
    random = np.random.default_rng(0)
    extra = {
        r: sd * random.standard_normal(a.shape, dtype=np.float32)
        for r, a in prepared.images.items()
    }
    images = {r: a + extra[r] for r, a in prepared.images.items()}
    return replace(
        prepared,
        images=images,
        noise={r: float(np.hypot(n, sd)) for r, n in prepared.noise.items()},
        enhancement=prepared.enhancement + extra[Role.T1C] - extra[Role.T1],
        enhancement_noise=float(np.hypot(prepared.enhancement_noise, sd * 2**0.5)),
    )


def _run(prepared: Prepared, region, truth: dict[Tissue, np.ndarray], source: str) -> str:
    grid: Geometry = prepared.aligned.geometry
    found = segment_compartments(prepared, LabelMap(region.astype(np.uint8), grid), source=source)
    start = found.geometry.offset_in(grid)
    box = tuple(slice(s, s + n) for s, n in zip(start, found.geometry.shape, strict=True))
    words = []
    for tissue, part in truth.items():
        mask = found.mask(tissue)
        if source == "mask" and tissue is Tissue.NECROTIC:  # all of the core that is left
            mask = found.mask() & ~found.mask(Tissue.ENHANCING)
        word = f"{_dice(mask, part[box] > 0.5):.3f}"
        if source != "mask":
            word += f" {100 * (found.fraction(tissue).sum() / part.sum() - 1):+6.1f}%"
        words.append(word)
    return " ".join(words)


def _dqe(folder: Path, sd: float):
    names = {Role.T1: "t1n", Role.T1C: "t1c", Role.T2: "t2w", Role.FLAIR: "t2f"}
    images = {}
    for role, name in names.items():
        image = sitk.ReadImage(str(folder / f"{name}.nii.gz"))
        images[role] = Volume(sitk.GetArrayFromImage(image), from_sitk(image))
    prepared = prepare(_aligned(images))
    for name in ("seg-BraTS23_1", "seg-bratstoolkit_isen"):
        given = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / f"{name}.nii.gz")))
        truth = {Tissue.ENHANCING: np.isin(given, (3, 4)), Tissue.NECROTIC: given == 1}
        region = truth[Tissue.ENHANCING] | truth[Tissue.NECROTIC]
        yield name, prepared, region, truth, "mask"
        yield f"{name} + {sd:.0%} noise", _noisier(prepared, sd), region, truth, "mask"


def _phantoms(slices: Sequence[float], sd: float):
    case = build_case("cystic_conversion", timepoints=2)
    for thickness in slices:
        settings = ScanSettings(spacing_mm=(thickness, 1.0, 1.0), motion=False)
        scan = simulate(case, 1, settings=settings)
        prepared = prepare(_aligned(dict(scan.images)))
        parts = scan.fractions[1]
        truth = {t: np.asarray(parts[t]) for t in (Tissue.ENHANCING, Tissue.NECROTIC)}
        region = sum(np.asarray(a) for t, a in parts.items() if t is not Tissue.OEDEMA) > 0.5
        name = f"phantom {thickness:g} mm"
        yield name, prepared, region, truth, "seed"
        yield f"{name} + {sd:.0%} noise", _noisier(prepared, sd), region, truth, "seed"


def main() -> None:
    """Print one line per image and method: enhancing, then necrotic."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dqe", type=Path)
    parser.add_argument("--noise", type=float, default=0.08)
    parser.add_argument("--slice-mm", type=float, nargs="*", default=[1.0, 5.0])
    options = parser.parse_args()
    cases = list(_phantoms(options.slice_mm, options.noise))
    if options.dqe:
        cases += _dqe(options.dqe, options.noise)
    for name, prepared, region, truth, source in cases:
        for label, method in METHODS.items():
            mr_compartments.smooth_probability = method
            began = time.process_time()
            words = _run(prepared, region, truth, source)
            print(f"{name:34s} {label:16s} {words}   {time.process_time() - began:.1f} s")


if __name__ == "__main__":
    main()
