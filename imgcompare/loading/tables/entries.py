"""What one checked row of a table says."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from imgcompare.loading.tables.rows import TableRow
from imgcompare.model import (
    WHOLE,
    LesionRole,
    LesionState,
    Measurement,
    ReaderFinding,
    Response,
)


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One checked row. ``figure`` has no lesion and timepoint yet.

    ``split_from`` and ``merged_into`` name the lesion that this one is a part of, or has become a
    part of.
    """

    row: TableRow
    lesion: str
    role: LesionRole | None
    site: str
    nodal: bool
    state: LesionState
    status: Response | None
    finding: ReaderFinding | None
    figure: Measurement | None
    date: dt.date | None
    compartment: str = WHOLE
    quantity: str = ""
    baseline: bool = False
    slice_thickness_mm: float | None = None
    modality: str = ""
    split_from: str = ""
    merged_into: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Subject and evaluator."""
        return self.row.get("subject"), self.row.get("evaluator")

    @property
    def where(self) -> str:
        """How the row calls its lesion."""
        return f"lesion {self.lesion}"

    @property
    def visit(self) -> str:
        """What the row calls its timepoint: its name, or its date."""
        return self.row.get("timepoint") or (self.date.isoformat() if self.date else "")

    @property
    def is_state(self) -> bool:
        """Whether the row is about a lesion or a part of it, not a status or a finding."""
        return bool(self.lesion) and self.status is None and self.finding is None

    @property
    def is_present(self) -> bool:
        """Whether the lesion is there, by this row."""
        if self.status:
            return self.status not in (Response.CR, Response.NE)
        if self.state is LesionState.MEASURED:
            return self.figure is None or self.figure.value > 0.0
        return self.state in (LesionState.TOO_SMALL, LesionState.MERGED)
