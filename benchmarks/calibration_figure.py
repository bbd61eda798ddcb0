"""Picture of calibration.md: coverage by group, cut at 80 %, and errors by size, as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence

COLOURS = {"whole": "#0072b2", "enhancing": "#d55e00", "necrotic": "#009e73"}
"""Okabe and Ito 2008: told apart by colour-blind eyes too."""

WANTED = (0.93, 0.98)
WIDTH, HEIGHT = 900, 430
TOP, BOTTOM = 60, 350

Bar = tuple[str, str, float, float, float]
"""Group, part, share, and its 95 % interval."""

Point = tuple[str, float, float, bool]
"""Part, true mL, relative error, whether the interval held the truth."""


def picture(bars: Sequence[Bar], points: Sequence[Point]) -> str:
    """Draw both panels."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            'font-family="sans-serif" font-size="12" fill="#222">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
            *_coverage(bars, 50, 450),
            *_errors(points, 530, 880),
            *(
                f'<circle cx="{60 + 110 * n}" cy="{HEIGHT - 14}" r="4" fill="{colour}"/>'
                f'<text x="{70 + 110 * n}" y="{HEIGHT - 10}">{part}</text>'
                for n, (part, colour) in enumerate(COLOURS.items())
            ),
            f'<text x="410" y="{HEIGHT - 10}">open circle: the interval missed the truth</text>',
            "</svg>\n",
        ]
    )


def _coverage(bars: Sequence[Bar], left: float, right: float) -> list[str]:
    names = list(dict.fromkeys(bar[0] for bar in bars))

    def y(share: float) -> float:
        return BOTTOM - (max(share, 0.8) - 0.8) / 0.2 * (BOTTOM - TOP)

    out = [
        f'<text x="{left}" y="28" font-size="14">'
        "Truth in the 95 % interval, % of test lesions (band: 93–98)</text>",
        f'<rect x="{left}" y="{y(WANTED[1]):.1f}" width="{right - left}" '
        f'height="{y(WANTED[0]) - y(WANTED[1]):.1f}" fill="#e8eef4"/>',
    ]
    for share in (0.8, 0.85, 0.9, 0.95, 1.0):
        out.append(
            f'<line x1="{left}" x2="{right}" y1="{y(share):.1f}" y2="{y(share):.1f}" '
            f'stroke="#ccc"/><text x="{left - 6}" y="{y(share) + 4:.1f}" '
            f'text-anchor="end">{100 * share:.0f}</text>'
        )
    step = (right - left) / max(len(names), 1)
    for name, part, share, low, high in bars:
        x = left + step * (names.index(name) + 0.5) + 7 * (list(COLOURS).index(part) - 1)
        out.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y(low):.1f}" y2="{y(high):.1f}" '
            f'stroke="{COLOURS[part]}" stroke-width="1.5"/>'
            f'<circle cx="{x:.1f}" cy="{y(share):.1f}" r="4" fill="{COLOURS[part]}"/>'
        )
    for n, name in enumerate(names):
        x = left + step * (n + 0.5)
        out.append(
            f'<text transform="translate({x:.1f},{BOTTOM + 14}) rotate(-30)" '
            f'text-anchor="end">{name}</text>'
        )
    return out


def _errors(points: Sequence[Point], left: float, right: float) -> list[str]:
    def x(ml: float) -> float:
        return left + math.log(max(ml, 0.05) / 0.05) / math.log(1200.0) * (right - left)

    def y(error: float) -> float:
        return (TOP + BOTTOM) / 2 - max(-0.2, min(0.2, error)) / 0.2 * (BOTTOM - TOP) / 2

    out = [f'<text x="{left}" y="28" font-size="14">Error, % (cut at ±20), over true mL</text>']
    for error in (-0.2, -0.1, 0.0, 0.1, 0.2):
        out.append(
            f'<line x1="{left}" x2="{right}" y1="{y(error):.1f}" y2="{y(error):.1f}" '
            f'stroke="#ccc"/><text x="{left - 6}" y="{y(error) + 4:.1f}" '
            f'text-anchor="end">{f"{100 * error:+.0f}" if error else 0}</text>'
        )
    for ml in (0.1, 0.5, 2, 10, 60):
        out.append(f'<text x="{x(ml):.1f}" y="{BOTTOM + 18}" text-anchor="middle">{ml:g}</text>')
    for part, ml, error, held in points:
        fill = COLOURS[part] if held else "#fff"
        out.append(
            f'<circle cx="{x(ml):.1f}" cy="{y(error):.1f}" r="2.6" fill="{fill}" '
            f'fill-opacity="{0.45 if held else 1}" stroke="{COLOURS[part]}"/>'
        )
    return out
