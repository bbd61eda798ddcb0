"""The one factory of layers: units, axis labels, place and meaning are set here and nowhere else.

A layer without units silently switches off the viewer's, so no other module makes layer data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from imgcompare.geometry import Geometry
from imgcompare.model import TISSUE_CODES, LabelMap, Quantity, Volume
from imgcompare.reporting.svg import TISSUE_COLOURS
from napari_imgcompare.spaces import AXIS_LABELS, UNITS, Shown, show_labels, show_volume, to_world

LayerData = tuple[Any, dict[str, Any], str]
"""What npe2 calls LayerData: the data, keyword arguments, and the kind of layer."""

KEY = "imgcompare"
"""Everything this plugin remembers about a layer is under this key of its metadata."""

EMPTY = "empty"
"""Remembered of a layer that holds nothing yet, and so was hidden by this plugin."""

PERCENTILES = (0.5, 99.8)
"""Grey levels of an image without window tags; a few extreme voxels do not decide."""

CT_WINDOW_HU = (-160.0, 240.0)
"""Soft tissue, for CT without window tags."""

SAMPLE_STEP = 3
"""Every third voxel along each axis is enough to find grey levels."""

LESION_COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#CC79A7", "#D55E00", "#0072B2")
"""Okabe and Ito's colours, told apart by the colour-blind."""

LINE_COLOUR = "#FF40FF"
"""Of diameters and their texts: seen on bright and on dark tissue, and no tissue's own."""

NO_TISSUE = "#999999"
"""Colour of a label value that names no tissue."""


def image_layer(
    volume: Volume,
    name: str,
    *,
    window: tuple[float, float] | None = None,
    remember: Mapping[str, Any] | None = None,
    **options: Any,
) -> LayerData:
    """Give an image in its own patient space.

    Parameters
    ----------
    volume : Volume
        Any grid; an oblique one is shown on an orthogonal copy, and remembered as it is.
    name : str
        Layer name, without patient identity.
    window : tuple of float, optional
        Lowest and highest shown value; from the voxels by default.
    remember : mapping, optional
        What to keep in the layer's metadata.
    **options
        Other arguments of ``add_image``.
    """
    shown = show_volume(volume)
    return shown_image(
        shown,
        name,
        window=window or default_window(volume),
        remember={"volume": volume, **(remember or {})},
        **options,
    )


def shown_image(
    shown: Shown,
    name: str,
    *,
    window: tuple[float, float],
    remember: Mapping[str, Any] | None = None,
    **options: Any,
) -> LayerData:
    """Give an image that has been brought onto a display grid."""
    low, high = window
    keywords = {
        "rgb": False,  # three sagittal slices are no colours
        "colormap": "gray",
        "contrast_limits": (low, max(high, low + 1e-3)),
        "interpolation2d": "linear",
        **_placed(shown, name, remember),
        **options,
    }
    return shown.array, keywords, "image"


def stack_layer(
    volumes: Sequence[Volume],
    name: str,
    *,
    step: str,
    window: tuple[float, float] | None = None,
    remember: Mapping[str, Any] | None = None,
) -> LayerData:
    """Give volumes on one grid, e.g. the phases of a perfusion series, with a slider.

    Parameters
    ----------
    volumes : sequence of Volume
        All on the same grid.
    name : str
        Layer name.
    step : str
        Name of the first axis, e.g. ``phase``.
    """
    shown = [show_volume(v) for v in volumes]
    keywords = _placed(shown[0], name, {"volumes": tuple(volumes), **(remember or {})})
    keywords |= {
        "scale": (1.0, *shown[0].scale),
        "translate": (0.0, *shown[0].translate),
        "axis_labels": (step, *AXIS_LABELS),
        "units": ("pixel", *UNITS),
        "rgb": False,
        "colormap": "gray",
        "contrast_limits": window or default_window(volumes[len(volumes) // 2]),
    }
    return np.stack([s.array for s in shown]), keywords, "image"


def labels_layer(
    labels: LabelMap,
    name: str,
    *,
    shown: Shown | None = None,
    remember: Mapping[str, Any] | None = None,
    **options: Any,
) -> LayerData:
    """Give a label map: in tissue colours where it names tissues, else a colour per lesion."""
    shown = shown or show_labels(labels)
    keywords = {
        "opacity": 0.55,
        "colormap": tissue_colours() if labels.tissues else lesion_colours(),
        **_placed(shown, name, {"labels": labels, **(remember or {})}),
        **options,
    }
    return shown.array, keywords, "labels"


def lines_layer(
    lines_lps_mm: Sequence[npt.ArrayLike],
    name: str,
    *,
    texts: Sequence[str],
    grid: Geometry | None = None,
    remember: Mapping[str, Any] | None = None,
    **options: Any,
) -> LayerData:
    """Give lines, e.g. diameters, each two points in patient LPS mm, with a text at each.

    ``grid`` is that of the images. Lines are kept in its indices, for napari shows a line in the
    slice whose number its ends round to, and sliders step by the finest of all layers.
    """
    keywords = {
        "name": name,
        "shape_type": "line",
        "edge_color": LINE_COLOUR,
        "edge_width": 0.6,
        "opacity": 1.0,
        "features": {"label": list(texts)},
        "text": {"string": "{label}", "size": 12, "color": LINE_COLOUR, "anchor": "upper_left"},
        **_drawn(grid, remember),
        **options,
    }
    return [_indices(line, grid) for line in lines_lps_mm], keywords, "shapes"


def points_layer(
    points_lps_mm: npt.ArrayLike,
    name: str,
    *,
    grid: Geometry | None = None,
    remember: Mapping[str, Any] | None = None,
    **options: Any,
) -> LayerData:
    """Give points in patient LPS mm, e.g. landmarks; ``grid`` as for lines."""
    points = np.asarray(points_lps_mm, dtype=np.float64).reshape(-1, 3)
    keywords = {
        "name": name,
        "size": 4.0,
        "face_color": "#F0E442",
        "border_color": "black",
        "ndim": 3,
        **_drawn(grid, remember),
        **options,
    }
    return _indices(points, grid), keywords, "points"


def surface_layer(
    vertices_lps_mm: npt.ArrayLike,
    faces: npt.ArrayLike,
    name: str,
    *,
    colour: str,
    light: npt.ArrayLike,
    grid: Geometry | None = None,
    remember: Mapping[str, Any] | None = None,
    **options: Any,
) -> LayerData:
    """Give a triangle mesh in one colour, vertices in patient LPS mm; ``grid`` as for lines.

    ``light`` is how much of it falls on each vertex, 0 to 1: napari's own comes from behind when
    the camera shows a patient the right way round.
    """
    from napari.utils.colormaps import Colormap

    vertices = _indices(vertices_lps_mm, grid)
    keywords = {
        "name": name,
        "colormap": Colormap(["black", colour], name=colour),
        "contrast_limits": (0.0, 1.0),
        "shading": "none",
        **_drawn(grid, remember),
        **options,
    }
    return (vertices, np.asarray(faces), np.asarray(light)), keywords, "surface"


def default_window(volume: Volume) -> tuple[float, float]:
    """Choose lowest and highest shown value from the voxels; soft tissue for CT."""
    if volume.quantity is Quantity.HU:
        return CT_WINDOW_HU
    some = volume.array[::SAMPLE_STEP, ::SAMPLE_STEP, ::SAMPLE_STEP]
    values = some[some > 0] if (some > 0).any() else some
    low, high = np.percentile(values, PERCENTILES)
    return (
        (min(0.0, float(low)), float(high)) if float(some.min()) >= 0 else (float(low), float(high))
    )


def tissue_colours() -> Any:
    """Colours of the tissues, the same as in the report; codes without a meaning are grey."""
    named = {code: TISSUE_COLOURS[tissue] for tissue, code in TISSUE_CODES.items()}
    return colours_of([named.get(code, NO_TISSUE) for code in range(1, 256)], name="tissues")


def lesion_colours() -> Any:
    """Colours of lesions by their id."""
    return colours_of(LESION_COLOURS, name="lesions")


def colours_of(colours: Sequence[str], *, name: str) -> Any:
    """Give colours for the label values from 1 on.

    A list is looked up at once; a table of values is compiled by napari while the window waits.
    """
    from napari.utils.colormaps import CyclicLabelColormap
    from napari.utils.colormaps.standardize_color import transform_color

    background = np.zeros((1, 4), dtype=np.float32)
    table = np.concatenate([background, transform_color(list(colours))])
    return CyclicLabelColormap(colors=table, name=name)


def remembered(layer: Any) -> dict[str, Any]:
    """Give what this plugin keeps about a layer; empty for layers of others."""
    found: dict[str, Any] = layer.metadata.get(KEY, {})
    return found


def is_empty(data: LayerData) -> bool:
    """Tell whether a layer is made to hold nothing yet."""
    return bool(data[1]["metadata"][KEY].get(EMPTY, False))


def places_of(layer: Any, data: Any) -> npt.NDArray[np.float64]:
    """Give the world points (S, P, L) of drawn data of a layer, shape (n, 3)."""
    points = np.asarray(data, dtype=np.float64).reshape(-1, layer.ndim)
    moved = [layer.data_to_world(point) for point in points]
    return np.asarray(moved, dtype=np.float64).reshape(-1, layer.ndim)[:, -3:]


def _indices(points_lps_mm: npt.ArrayLike, grid: Geometry | None) -> npt.NDArray[np.float64]:
    points = np.asarray(points_lps_mm, dtype=np.float64)
    return to_world(points) if grid is None else grid.world_to_index(points)


def _drawn(grid: Geometry | None, remember: Mapping[str, Any] | None) -> dict[str, Any]:
    place = {} if grid is None else {
        "scale": grid.spacing_mm,
        "translate": tuple(to_world(grid.origin_mm).tolist()),
    }  # fmt: skip
    return {
        **place,
        "axis_labels": AXIS_LABELS,
        "units": UNITS,
        "metadata": {KEY: dict(remember or {})},
    }


def _placed(shown: Shown, name: str, remember: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "name": name,
        "scale": shown.scale,
        "translate": shown.translate,
        "axis_labels": AXIS_LABELS,
        "units": UNITS,
        "metadata": {KEY: {"grid": shown.grid, "resampled": shown.resampled, **(remember or {})}},
    }
