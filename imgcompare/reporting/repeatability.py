"""Writes repeatability settings to a file that compare and assess read."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imgcompare.errors import OutputError
from imgcompare.model import Repeatability

FORMAT = "imgcompare repeatability 1"


def write_repeatability(settings: Sequence[Repeatability], path: Path) -> None:
    """Write settings as JSON, complete or not at all.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    document = {"format": FORMAT, "repeatability": [_setting(s) for s in settings]}
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OutputError(f"{path.name} cannot be written: {error.strerror}.") from error


def _setting(s: Repeatability) -> dict[str, Any]:
    return {
        "quantity": s.quantity,
        "compartment": s.compartment,
        "modality": s.modality,
        "site": s.site,
        "from_mm": s.from_mm,
        "below_mm": s.below_mm if math.isfinite(s.below_mm) else None,
        "wcv": s.wcv,
        "pairs": s.pairs,
        "source": s.source,
    }
