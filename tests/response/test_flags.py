"""Every flag that a criterion sets has words in the report."""

import re
from pathlib import Path

from imgcompare.reporting.flags import FLAG_TEXTS

ROOM = Path(__file__).parents[2] / "imgcompare" / "response"
PATTERNS = ("patterns", "rapid_growth", "comparability")
"""Files whose codes name observations, not flags."""


def test_every_flag_has_words():
    found = {
        flag
        for file in ROOM.glob("*.py")
        if not file.stem.startswith(PATTERNS)
        for flag in re.findall(r'"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|LATE|RECHECK)"', file.read_text())
    }
    assert len(found) > 30
    assert found <= set(FLAG_TEXTS)
