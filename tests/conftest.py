"""Fixtures shared by all tests."""

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real scans with known answers; the test is skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("real scans are not on this machine (../shared/data is missing)")
    return SHARED_DATA
