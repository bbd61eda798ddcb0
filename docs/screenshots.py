"""Make the pictures of the napari tutorial: the whole story on the demo, a window per step.

    xvfb-run -a -s "-screen 0 1600x1000x24" python docs/screenshots.py [--case CASE]

Needs the napari and qt extras. Look at every picture before it is committed.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import napari
import numpy as np
from napari_imgcompare import navigating
from napari_imgcompare.linked import Mode
from napari_imgcompare.spaces import to_world
from napari_imgcompare.widgets.compare import CompareTimepoints
from qtpy.QtWidgets import QApplication

from imgcompare.model import finish
from imgcompare.phantoms import demo_case

OUT = Path(__file__).parent / "images"
SIZE = (1500, 940)
SETTLE_S = 0.8


class Photographer:
    """A window with the workbench, and a camera."""

    def __init__(self) -> None:
        self.viewer = napari.Viewer(show=True)
        self.viewer.window._qt_window.resize(*SIZE)
        self.widget = CompareTimepoints(self.viewer)
        self.viewer.window.add_dock_widget(self.widget, name="Compare timepoints", area="right")

    def settle(self, seconds: float = SETTLE_S) -> None:
        """Let the window live."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            QApplication.processEvents()
            time.sleep(0.01)

    def wait(self) -> None:
        """Wait for the work that is running, and what follows it."""
        self.settle(0.1)
        while self.widget.runner.is_busy:
            QApplication.processEvents()
            time.sleep(0.01)
        self.settle()

    def show(self, *sections: str) -> None:
        """Open these sections and close the others."""
        for name, section in self.widget.sections.items():
            (section.expand if name in sections else section.collapse)(animate=False)
        self.settle()

    def shoot(self, name: str) -> None:
        """Take a picture of the window."""
        self.settle()
        self.viewer.window.screenshot(
            str(OUT / f"napari-{name}.png"), canvas_only=False, flash=False
        )
        print(f"napari-{name}.png: {self.widget.message.text()}")


def main() -> None:
    """Drive the six steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", default="pseudoprogression")
    folder = finish(demo_case(parser.parse_args().case))
    lesion = json.loads((folder / "truth.json").read_text())["timepoints"][0]["lesions"][0]
    camera = Photographer()
    widget = camera.widget
    widget.study.open([folder])
    camera.wait()
    camera.show("Study")
    camera.shoot("1-study")
    widget.register.register()
    camera.wait()
    camera.show("Register")
    camera.shoot("2-register")
    widget.stage.look(Mode.CHECKERBOARD)
    camera.shoot("2-checkerboard")
    widget.stage.look(Mode.SIDE_BY_SIDE)
    widget.lesions.mark_at(to_world(np.array(lesion["centre_lps_mm"])), 0)
    camera.wait()
    camera.show("Lesions")
    navigating.go_to(widget.stage, 1)
    camera.shoot("3-lesions")
    widget.tissues.tell()
    camera.wait()
    camera.show("Compartments")
    navigating.go_to(widget.stage, 1)
    camera.shoot("4-compartments")
    camera.show("Results", "Export")
    camera.shoot("5-results")
    widget.results.diameter()
    camera.shoot("5-diameter")
    widget.tissues.surfaces()
    camera.wait()
    camera.shoot("6-surfaces")
    camera.viewer.close()


if __name__ == "__main__":
    main()
