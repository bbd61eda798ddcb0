"""The tiny case that is committed with the project: ``python -m imgcompare.phantoms.tiny FOLDER``.

The same library versions on the same kind of processor write the same files again.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from imgcompare.model import Progress, Steps, finish
from imgcompare.phantoms.cases import build_case
from imgcompare.phantoms.protocols import tiny_protocol
from imgcompare.phantoms.writing import write_case

TINY_NAME = "pseudoprogression_tiny"


def write_tiny_case(folder: Path) -> Steps[Path]:
    """Write the pseudoprogression case, two timepoints of four thick-slice series.

    Parameters
    ----------
    folder : Path
        Replaced if it exists.

    Returns
    -------
    Steps of Path
        One Progress per series; returns ``folder``.
    """
    yield Progress(0, 1, f"Replacing {folder.name}")
    shutil.rmtree(folder, ignore_errors=True)
    return (
        yield from write_case(build_case("pseudoprogression"), folder, settings=tiny_protocol())
    )


if __name__ == "__main__":
    finish(write_tiny_case(Path(sys.argv[1] if len(sys.argv) > 1 else f"sample_scans/{TINY_NAME}")))
