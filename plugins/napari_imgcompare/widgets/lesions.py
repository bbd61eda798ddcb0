"""Step 3: which lesions there are. Click, draw, take a layer, propose; name, link, split, merge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QInputDialog,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from imgcompare.errors import InputError
from imgcompare.model import LesionRole
from napari_imgcompare import acts, editing, keeping, layers, linked, navigating
from napari_imgcompare.stage import Stage
from napari_imgcompare.tables import LESION_COLUMNS, lesion_rows
from napari_imgcompare.tasks import Chunks
from napari_imgcompare.widgets.parts import Table, button, line
from napari_imgcompare.widgets.runner import Runner

DRAWING = "drawing"


class LesionsStep(QWidget):
    """Mark lesions and say what they are and what happened to them."""

    def __init__(
        self, stage: Stage, runner: Runner, *, visit_under_mouse: Callable[[], int | None]
    ) -> None:
        super().__init__()
        self.stage, self.runner, self.workspace = stage, runner, stage.workspace
        self._visit_under_mouse = visit_under_mouse
        self.visit = QComboBox()
        self.visit.setToolTip("The visit that drawings, links, splits and mergers are about")
        self.radius = QDoubleSpinBox()
        self.radius.setRange(0.0, 150.0)
        self.radius.setSuffix(" mm")
        self.radius.setSpecialValueText("any size")
        self.radius.setToolTip("How far a clicked lesion may reach; 0 leaves that to the image")
        self.click = button("Click a lesion", "Then click into it; it is found at every visit",
                            lambda: None, check=True)  # fmt: skip
        self.table = Table(LESION_COLUMNS, "Click a row to see the lesion at every visit")
        self.table.itemSelectionChanged.connect(self._go)
        self.name, self.site = QLineEdit(), QLineEdit()
        self.name.setPlaceholderText("name")
        self.site.setPlaceholderText("site, e.g. brain")
        self.name.setToolTip("What you call the lesion")
        self.site.setToolTip("The organ; criteria count lesions per organ")
        self.role = QComboBox()
        self.role.addItems([r.value for r in LesionRole])
        self.role.setToolTip("Target, non-target or new, as response criteria use it")
        self.nodal = QCheckBox("node")
        self.nodal.setToolTip("Lymph nodes are measured by their short axis")
        for edited in (self.name.editingFinished, self.site.editingFinished):
            edited.connect(self.describe)
        self.role.activated.connect(lambda _: self.describe())
        self.nodal.clicked.connect(lambda _: self.describe())
        self._lay_out()
        stage.viewer.mouse_drag_callbacks.append(self._clicked)
        self.workspace.changed.connect(self._follow)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.addWidget(line(self.click, self.radius))
        layout.addWidget(
            line(
                button("Propose", "Look for lesions by rule; check every proposal", self.propose),
                button("Draw", "Add an empty layer and paint a lesion yourself", self.draw),
                button("Use layer", "Take the active Labels layer as lesions", self.use_layer),
            )
        )
        layout.addWidget(line(QLabel("At visit:"), self.visit))
        layout.addWidget(self.table)
        layout.addWidget(line(self.name, self.site))
        layout.addWidget(line(self.role, self.nodal))
        layout.addWidget(
            line(
                button("Link…", "Say that this is a lesion known from another visit", self.link),
                button("Split", "Its separate parts became lesions of their own", self.split),
                button("Merge", "The selected lesions became one", self.merge),
            )
        )
        layout.addWidget(
            line(
                button("Vanished", "Looked for at this visit, and gone", self.vanish),
                button("Remove", "Not a lesion: forget it everywhere", self.remove),
                button("Undo", "Take the last act back", self.workspace.undo),
                button("Redo", "Do it again", self.workspace.redo),
            )
        )

    def mark_at(self, world: Any, index: int) -> None:
        """Find the lesion at a point of the scene, S P L mm, as seen at a visit."""
        point = navigating.point_at(self.stage, world, index)
        radius = self.radius.value() or None
        self.runner.start(lambda: self.workspace.mark_seed(index, point, radius_mm=radius))

    def propose(self) -> None:
        """Look for lesions by rule."""
        self.runner.start(self.workspace.propose)

    def draw(self) -> None:
        """Add an empty Labels layer on the scene for the chosen visit."""

        def add() -> None:
            from imgcompare.model import LabelMap
            from napari_imgcompare.overlays import where_from
            from napari_imgcompare.spaces import Shown

            scene, index = self.stage.require_scene(), self._index()
            one = self.workspace.aligned[index]
            empty = np.zeros(scene.grid.shape, dtype=np.uint8)
            name = f"drawing {one.timepoint.name}"
            data = layers.labels_layer(
                LabelMap(np.zeros(one.geometry.shape, dtype=np.uint8), one.geometry),
                name,
                shown=Shown(empty, scene.grid, True),
                remember={"kind": DRAWING, **where_from(one), "drawn": empty.copy()},
            )
            self.stage.soon(paint(scene, data))

        def paint(scene: linked.Scene, data: layers.LayerData) -> Chunks:
            layer = keeping.put(self.stage.viewer, data)
            yield
            yield from linked.arrange(self.stage.viewer, scene)
            self.stage.viewer.layers.selection.active = layer
            layer.mode = "paint"

        self.runner.act(add)

    def use_layer(self) -> None:
        """Take the active Labels layer as lesions of the visit it belongs to."""

        def take() -> None:
            layer = self.stage.viewer.layers.selection.active
            if layer is None or layer._type_string != "labels":
                raise InputError("Select a Labels layer in the layer list first.")
            index = layers.remembered(layer).get("visit", self._index())
            editing.mark_layer(self.stage, layer, index)
            layer.visible = False

        self.runner.act(take)

    def describe(self) -> None:
        """Write down what the fields say of the chosen lesion."""
        lesion = self.table.lesion()
        if lesion is None or lesion not in self.workspace.lesions:
            return
        facts = {
            "name": self.name.text().strip(),
            "site": self.site.text().strip(),
            "role": LesionRole(self.role.currentText()),
            "nodal": self.nodal.isChecked(),
        }
        known = self.workspace.lesions[lesion]
        if any(getattr(known, key) != value for key, value in facts.items()):
            self._act(lambda state: acts.describe(state, lesion, **facts))

    def link(self) -> None:
        """Ask which known lesion this is."""
        lesion = self._lesion()
        others = [str(i) for i in self.workspace.lesions if i != lesion]
        if lesion is None or not others:
            self.runner.failed.emit("Choose a lesion to link; there must be another one.")
            return
        text, sure = QInputDialog.getItem(
            self, "Link", f"Lesion {lesion} is lesion", others, 0, False
        )
        if sure:
            self._act(lambda state: acts.link(state, self._index(), lesion, to=int(text)))

    def split(self) -> None:
        """Separate the parts of the chosen lesion."""
        self._on_lesion(lambda state, lesion: acts.split(state, self._index(), lesion))

    def merge(self) -> None:
        """Join the selected lesions."""
        chosen = list(dict.fromkeys(self.table.lesions()))
        if len(chosen) < 2:
            self.runner.failed.emit("Select two or more rows to merge.")
            return
        self._act(lambda state: acts.merge(state, self._index(), chosen))

    def vanish(self) -> None:
        """Say that the chosen lesion is gone at the chosen visit."""
        self._on_lesion(lambda state, lesion: acts.vanish(state, self._index(), lesion))

    def remove(self) -> None:
        """Forget the chosen lesion."""
        self._on_lesion(acts.remove)

    def _on_lesion(self, act: Callable[[acts.State, int], acts.State]) -> None:
        lesion = self._lesion()
        if lesion is None:
            self.runner.failed.emit("Choose a lesion in the table first.")
            return
        self._act(lambda state: act(state, lesion))

    def _act(self, act: Callable[[acts.State], acts.State]) -> None:
        self.runner.act(lambda: self.workspace.change(act(self.workspace.state)))

    def _lesion(self) -> int | None:
        return self.table.lesion()

    def _index(self) -> int:
        self.workspace.require_aligned()
        return int(self.visit.currentData() or 0)

    def _clicked(self, _viewer: Any, event: Any) -> Iterator[None]:
        """Tell a click from a drag: a drag moves the view as always."""
        if not self.click.isChecked() or not self.workspace.aligned:
            return
        moved = False
        yield
        while event.type == "mouse_move":
            moved = True
            yield
        if not moved:
            index = self._visit_under_mouse()
            self.click.setChecked(False)
            self.mark_at(event.position, self._index() if index is None else index)

    def _go(self) -> None:
        lesion = self.table.lesion()
        if lesion is None or lesion not in self.workspace.lesions:
            return
        known = self.workspace.lesions[lesion]
        self.name.setText(known.name)
        self.site.setText(known.site)
        self.role.setCurrentText(known.role.value)
        self.nodal.setChecked(known.nodal)
        if lesion != self.stage.lesion:
            navigating.go_to(self.stage, lesion)

    def _follow(self, what: str) -> None:
        if what in ("study", "aligned"):
            self.visit.clear()
            for index, one in sorted(self.workspace.aligned.items()):
                self.visit.addItem(one.timepoint.name, index)
        if what in ("study", "lesions"):
            self.table.fill(lesion_rows(self.workspace))
