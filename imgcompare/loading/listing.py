"""Shortens lists for messages."""

from __future__ import annotations

from collections.abc import Sequence


def first_few(texts: Sequence[str], most: int) -> str:
    """Join at most so many texts with commas; an ellipsis stands for the others."""
    return ", ".join([*texts[:most], *("…" for _ in texts[most : most + 1])])
