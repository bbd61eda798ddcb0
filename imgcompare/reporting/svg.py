"""Small pieces of SVG: grey images with crisp vector marks on top."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
import numpy.typing as npt

from imgcompare.model import Tissue

TISSUE_COLOURS = {
    Tissue.ENHANCING: "#E69F00",
    Tissue.NECROTIC: "#56B4E9",
    Tissue.CYSTIC: "#0072B2",
    Tissue.NON_ENHANCING: "#F0E442",
    Tissue.HAEMORRHAGE: "#CC79A7",
    Tissue.OEDEMA: "#009E73",
}
"""Colours that colour-blind readers can tell apart (Okabe & Ito 2008)."""

PANEL = 300.0
"""Side of a picture in its own units; the page scales it."""

Point = tuple[float, float]


def png_uri(image: npt.NDArray[np.uint8]) -> str:
    """Encode a grey or RGB image as a data URI."""
    from imagecodecs import png_encode

    return "data:image/png;base64," + base64.b64encode(png_encode(image, level=6)).decode()


def panel(
    image: npt.NDArray[np.uint8],
    marks: Iterable[str],
    *,
    alt: str,
    box: tuple[float, float, float, float] = (0.0, 0.0, PANEL, PANEL),
) -> str:
    """Put marks over an image.

    Parameters
    ----------
    image : uint8 array, shape (rows, columns)
        The grey values.
    marks : iterable of str
        SVG pieces in panel units, origin at the top left.
    alt : str
        What the picture shows, for readers who cannot see it.
    box : (left, top, width, height)
        Where the image lies in panel units; what reaches beyond the panel is cut off.
    """
    x, y, width, height = box
    name = escape(alt, quote=True)
    return (
        f'<svg class="panel" viewBox="0 0 {PANEL:g} {PANEL:g}" role="img" aria-label="{name}">'
        f'<rect width="{PANEL:g}" height="{PANEL:g}" fill="#000"/>'
        f'<image href="{png_uri(image)}" x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" '
        f'height="{height:.2f}" preserveAspectRatio="none"/>{"".join(marks)}</svg>'
    )


def text(
    at: Point, content: str, *, anchor: str = "start", css: str = "lab", colour: str = ""
) -> str:
    """Write a label with a dark halo."""
    x, y = at
    fill = f' style="fill:{colour}"' if colour else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{css}"{fill}>'
        f"{escape(content)}</text>"
    )


def line(start: Point, end: Point, *, colour: str, width: float = 1.6, dash: str = "") -> str:
    """Draw a line with a dark casing, so that it shows on bright tissue too."""
    path = f"M{start[0]:.1f} {start[1]:.1f}L{end[0]:.1f} {end[1]:.1f}"
    return stroke(path, colour=colour, width=width, dash=dash)


def stroke(path: str, *, colour: str, width: float = 1.4, dash: str = "") -> str:
    """Draw a path with a dark casing."""
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<path d="{path}" fill="none" stroke="#000" stroke-opacity=".45" '
        f'stroke-width="{width + 1.2:g}" stroke-linejoin="round"/>'
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width:g}" '
        f'stroke-linejoin="round"{dashed}/>'
    )


def scale_bar(pixels_per_mm: float, *, length_mm: float = 10.0, height: float = PANEL) -> str:
    """Draw a bar of known length at the bottom left."""
    left, bottom, length = 10.0, height - 10.0, length_mm * pixels_per_mm
    tick = 3.0
    path = (
        f"M{left:g} {bottom - tick:g}v{2 * tick:g}M{left:g} {bottom:g}h{length:.2f}"
        f"M{left + length:.2f} {bottom - tick:g}v{2 * tick:g}"
    )
    label = text((left + length + 5.0, bottom + 4.0), f"{length_mm:g} mm")
    return stroke(path, colour="#fff", width=1.6) + label


def side_letters(letters: tuple[str, str, str, str], size: Point = (PANEL, PANEL)) -> str:
    """Write the patient sides at left, right, top and bottom of a picture."""
    left, right, top, bottom = letters
    width, height = size
    return "".join(
        (
            text((5.0, height / 2 + 4), left, css="side"),
            text((width - 5.0, height / 2 + 4), right, anchor="end", css="side"),
            text((width / 2, 13.0), top, anchor="middle", css="side"),
            text((width / 2, height - 5.0), bottom, anchor="middle", css="side"),
        )
    )


def closed_path(lines: Sequence[npt.NDArray[np.float64]], scale: float) -> str:
    """Turn contours of (row, column) pixel positions into a path in panel units."""
    parts = []
    for points in lines:
        xy = (points[:, ::-1] + 0.5) * scale
        steps = "L".join(f"{x:.1f} {y:.1f}" for x, y in xy)
        closed = "Z" if np.allclose(points[0], points[-1]) else ""
        parts.append(f"M{steps}{closed}")
    return "".join(parts)
