"""How long the plugin's window stands still: the whole story at 1 mm, driven by the widgets.

Needs napari and a screen: ``xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/window.py``.
A timer of 5 ms beats on the window's thread; a gap between two beats is time in which neither
mouse nor keyboard is heard. Wall time counts what other processes take; processor time of the
thread does not, and "of it garbage" is what Python's collector had of it.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import napari
import numpy as np
from napari_imgcompare import keeping, navigating
from napari_imgcompare.linked import IMAGE, Mode
from napari_imgcompare.spaces import to_world
from napari_imgcompare.widgets.compare import CompareTimepoints
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

from imgcompare.model import finish
from imgcompare.phantoms import demo_case

BEAT_MS = 5
LONG_S = 0.2
FRAMES = 60


@dataclass
class Gap:
    """Time between two beats, in seconds."""

    wall: float
    cpu: float
    garbage: float


class Watch:
    """Notes the gaps of every stage on the thread it is made on."""

    def __init__(self) -> None:
        self.stage, self.gaps = "start", dict[str, list[Gap]]()
        self._thread = threading.get_ident()
        self.skip()
        self._timer = QTimer()
        self._timer.setInterval(BEAT_MS)
        self._timer.timeout.connect(self._beat)
        self._timer.start()
        gc.callbacks.append(self._collect)

    def skip(self) -> None:
        """Forget what was since the last beat."""
        self._wall, self._cpu, self._garbage = time.monotonic(), time.thread_time(), 0.0

    def _beat(self) -> None:
        gap = Gap(time.monotonic() - self._wall, time.thread_time() - self._cpu, self._garbage)
        self.gaps.setdefault(self.stage, []).append(gap)
        self.skip()

    def _collect(self, phase: str, _: object) -> None:
        if threading.get_ident() == self._thread:
            self._garbage += (1 if phase == "stop" else -1) * time.thread_time()

    def table(self) -> str:
        """Longest gaps of every stage in ms, and how many were longer than LONG_S."""
        rows = ["| stage | wall ms | processor ms | of it garbage | over 200 ms |"]
        rows.append("| --- | ---: | ---: | ---: | ---: |")
        for stage, gaps in self.gaps.items():
            wall, worst = max(g.wall for g in gaps), max(gaps, key=lambda g: g.cpu)
            long = sum(g.cpu > LONG_S for g in gaps)
            figures = (1000 * wall, 1000 * worst.cpu, 1000 * worst.garbage)
            rows.append(f"| {stage} | {' | '.join(f'{x:.0f}' for x in figures)} | {long} |")
        return "\n".join(rows)


class Story:
    """The workbench in a window, and what a person does with it."""

    def __init__(self) -> None:
        self.viewer = napari.Viewer(show=True)
        self.viewer.window._qt_window.resize(1500, 940)
        self.widget: Any = None
        self.settle(1.5)
        self.watch = Watch()

    def settle(self, seconds: float = 0.5) -> None:
        """Let the window live, at least until nothing runs any more."""
        end = time.monotonic() + seconds
        while time.monotonic() < end or (self.widget and self.widget.runner.is_busy):
            QApplication.processEvents()
            time.sleep(0.002)

    def act(self, stage: str, deed: Callable[[], object]) -> None:
        """Do something and wait until it is done."""
        self.settle()
        self.watch.stage = stage
        deed()
        self.settle()

    def dock(self) -> None:
        """Open the workbench."""
        self.widget = CompareTimepoints(self.viewer)
        self.viewer.window.add_dock_widget(self.widget, name="Compare timepoints", area="right")

    def paint(self) -> None:
        """Paint tissue with the brush, and let the measurements follow."""
        tissues = [x for x in self.viewer.layers if x.name.startswith("tissues")]
        layer = next(x for x in tissues if x.visible)
        layer.selected_label, layer.mode = 2, "paint"
        middle = np.argwhere(layer.data == 1)[500]
        for step in range(5):
            layer.paint(np.add(middle, (0, step, 0)), 2)
        self.settle(1.5)

    def axial(self) -> None:
        """Turn back from the plane of a diameter."""
        self.viewer.dims.order = (0, 1, 2)

    def show_all(self) -> None:
        """Open the eyes of all series in the list of layers, one by one."""
        for layer in keeping.find(self.viewer, IMAGE):
            layer.visible = True
            self.settle(0.2)

    def scroll(self, stage: str) -> str:
        """Go through slices one by one; give the time of a frame."""
        self.settle()
        self.watch.stage = stage
        self.watch.skip()
        wall, cpu = [], []
        for step in range(FRAMES):
            start, spent = time.monotonic(), time.thread_time()
            self.viewer.dims.set_current_step(0, 80 + step)
            QApplication.processEvents()
            wall.append(time.monotonic() - start)
            cpu.append(time.thread_time() - spent)
        middle = 1000 * statistics.median(wall), 1000 * statistics.median(cpu)
        return f"{stage}: a frame takes {middle[0]:.0f} ms, {middle[1]:.0f} of the processor"


def tell(story: Story, folder: Path, seed: Any, kept: Path) -> list[str]:
    """Go through all six steps."""
    act = story.act
    act("open the workbench", story.dock)
    w = story.widget
    act("study", lambda: w.study.open([folder]))
    act("register and show", w.register.register)
    for mode in (Mode.BLEND, Mode.CHECKERBOARD, Mode.FLICKER, Mode.SIDE_BY_SIDE):
        act(mode.value, lambda mode=mode: w.stage.look(mode))
    act("swap", w.stage.swap)
    act("T2", lambda: w.stage.show_role("T2"))
    act("T1C", lambda: w.stage.show_role("T1C"))
    act("mark a lesion", lambda: w.lesions.mark_at(seed, 0))
    act("go to it", lambda: navigating.go_to(w.stage, 1))
    act("tell tissues apart", w.tissues.tell)
    act("paint", story.paint)
    act("undo", w.workspace.undo)
    act("measure", w.results.measure)
    act("enhancement", w.tissues.enhancement)
    act("growth map", w.tissues.growth)
    act("diameter", w.results.diameter)
    act("back to axial", story.axial)
    act("draw", w.lesions.draw)
    act("show all series", story.show_all)
    said = [story.scroll("scroll, 2 visits x 4 series")]
    act("T1C again", lambda: w.stage.show_role("T1C"))
    said.append(story.scroll("scroll, 2 visits"))
    act("surfaces", w.tissues.surfaces)
    act("measure in 3-D", w.results.measure)
    act("save", lambda: w.export.save(kept / "session"))
    act("report", lambda: w.export.report(kept / "report"))
    act("open the session", lambda: w.export.open(kept / "session"))
    return said


def main() -> None:
    """Print the longest gaps of every stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", default="pseudoprogression")
    folder = finish(demo_case(parser.parse_args().case))
    truth = json.loads((folder / "truth.json").read_text())["timepoints"][0]
    seed = to_world(np.array(truth["lesions"][0]["centre_lps_mm"]))
    story = Story()
    with tempfile.TemporaryDirectory() as kept:
        said = tell(story, folder, seed, Path(kept))
    story.viewer.close()
    print(story.watch.table(), "", *said, sep="\n")


if __name__ == "__main__":
    main()
