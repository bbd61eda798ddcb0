"""Shows a workspace in a viewer: keeps layers in step with it. Works on a ViewerModel, no Qt."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any

from psygnal import Signal

from imgcompare.errors import InputError
from imgcompare.model import Progress, Steps
from napari_imgcompare import diameters, fluid, keeping, layers, linked, overlays
from napari_imgcompare.linked import Mode, Scene
from napari_imgcompare.orientation import look_at_all, look_from_front, orient
from napari_imgcompare.overlays import Kind
from napari_imgcompare.spaces import to_world
from napari_imgcompare.tasks import Chunks, Task
from napari_imgcompare.viewers import grid_of
from napari_imgcompare.workspace import Workspace

KEPT = (Kind.LESIONS, Kind.TISSUES, Kind.DIAMETERS)
"""Layers that follow the workspace; all others are made anew when the visits are."""


class Stage:
    """A workspace on a viewer.

    Parameters
    ----------
    viewer : ViewerModel
    workspace : Workspace
    soon : callable, optional
        Runs pieces of work one by one with the window alive in between; by default at once.

    Attributes
    ----------
    looked : Signal
        Emitted when the views show other visits than before.
    """

    looked = Signal()

    def __init__(
        self,
        viewer: Any,
        workspace: Workspace,
        *,
        soon: Callable[[Chunks], None] | None = None,
    ) -> None:
        self.viewer, self.workspace = viewer, workspace
        self.scene: Scene | None = None
        self.mode = Mode.SIDE_BY_SIDE
        self.lesion: int | None = None
        self.diameter: tuple[int, int] | None = None
        self._flickered = 0
        self.soon = soon or _at_once
        self._stale = False
        self._flat: dict[Any, bool] = {}
        workspace.changed.connect(self._follow)
        viewer.dims.events.ndisplay.connect(self._turned)

    def require_scene(self) -> Scene:
        """Give the scene, or say that registration comes first."""
        if self.scene is None:
            raise InputError("Register the visits first (step 2).")
        return self.scene

    # -- images ----------------------------------------------------------------------------

    def show_images(self) -> Task[list[layers.LayerData]]:
        """Bring all visits into one scene and show them side by side."""
        aligned = self.workspace.require_aligned()
        course = self.workspace.require_course()

        def steps() -> Steps[list[layers.LayerData]]:
            from napari.layers import Points

            Points(ndim=3)  # napari loads pandas for the first one, which takes a second
            scene = linked.scene_of(aligned, course.baseline_index)
            found: list[layers.LayerData] = []
            for n, index in enumerate(scene.visits, 1):
                yield Progress(n, len(scene.visits), f"showing {aligned[index].timepoint.name}")
                found += linked.visit_layers(scene, aligned[index])
            self.scene = scene
            return found

        return Task("Showing the visits", steps(), lambda found: self.soon(self._put(found)))

    def _put(self, found: Sequence[layers.LayerData]) -> Chunks:
        names, kept = {data[1]["name"] for data in found}, (*KEPT, linked.FILLER)
        yield from self._remove(
            x
            for x in self.viewer.layers
            if (about := layers.remembered(x))
            and x.name not in names
            and about.get("kind") not in kept
        )
        self.viewer.dims.ndisplay = 2
        fluid.settle(self.viewer)
        first = not keeping.find(self.viewer, linked.IMAGE)
        yield
        with fluid.together(self.viewer):
            for data in found:
                layer, seen = keeping.put_hidden(self.viewer, data)
                yield
                layer.visible = seen
                yield
            if self.scene is not None:
                yield from linked.arrange(self.viewer, self.scene)
                yield
                linked.set_mode(self.viewer, self.mode, self.scene.visits)
        self.looked.emit()
        yield
        yield from self._overlay()
        if self.mode is Mode.CHECKERBOARD:
            self.look(self.mode)
        yield
        if first:
            self._centre()

    def _remove(self, found: Iterable[Any]) -> Chunks:
        gone = list(found)
        if not gone:
            return
        self.viewer.layers.selection.difference_update(gone)
        with fluid.together(self.viewer):
            for layer in reversed(gone):
                self.viewer.layers.remove(layer)
                yield

    def look(self, mode: Mode) -> None:
        """Change the way of looking at the visits."""
        scene = self.require_scene()
        self.mode, self._flickered = mode, 0
        if mode is Mode.CHECKERBOARD:
            self.soon(self._look_at_board(scene))
            return
        with fluid.together(self.viewer):
            linked.set_mode(self.viewer, mode, scene.visits)
        self.looked.emit()

    def _look_at_board(self, scene: Scene) -> Chunks:
        board = yield from linked.checkerboard_layer(self.viewer, scene.visits, None)
        if self.mode is not Mode.CHECKERBOARD or self.scene is not scene:
            return
        with fluid.together(self.viewer):
            if board is not None:
                keeping.put_hidden(self.viewer, board)
                yield
                yield from linked.arrange(self.viewer, scene)
                yield
            linked.set_mode(self.viewer, self.mode, scene.visits)
        self.looked.emit()

    def flick(self) -> int:
        """Turn to the next visit while flickering; give its index."""
        if self.mode is not Mode.FLICKER:
            self.look(Mode.FLICKER)
        visits = self.require_scene().visits
        self._flickered = (self._flickered + 1) % len(visits)
        linked.show_visit(self.viewer, visits[self._flickered])
        self.looked.emit()
        return visits[self._flickered]

    def swap(self) -> None:
        """Change sides: the last visit left, the first right, or back."""
        if self.scene is None:
            return
        turned = tuple(reversed(self.scene.visits))
        self.scene = Scene(self.scene.grid, turned, self.scene.roles)
        self.soon(linked.arrange(self.viewer, self.scene))
        self.looked.emit()

    def show_role(self, role: str) -> None:
        """Show one kind of series of every visit."""
        with fluid.together(self.viewer):
            for layer in keeping.find(self.viewer, linked.IMAGE):
                layer.visible = str(layers.remembered(layer)["role"]) == role
        if self.mode is Mode.CHECKERBOARD:
            self.look(self.mode)

    def titles(self) -> tuple[str, ...]:
        """Name the visit, or visits, in each cell of the view."""
        scene = self.scene
        if scene is None or not self.workspace.aligned:
            return ()
        baseline = self.workspace.require_course().baseline_index
        names = [
            self.workspace.aligned[i].timepoint.name + (" baseline" if i == baseline else "")
            for i in scene.visits
        ]
        if self.mode is Mode.BLEND:
            return (f"{names[0]} green, {names[-1]} magenta",)
        if self.mode is Mode.CHECKERBOARD:
            return (f"{names[0]} / {names[-1]}",)
        return (names[self._flickered],) if self.mode is Mode.FLICKER else tuple(names)

    # -- what is shown beside images -------------------------------------------------------

    def show(self, found: Sequence[layers.LayerData], *, instead_of: Sequence[str] = ()) -> None:
        """Show layers that were worked out, each above its visit's images."""
        self.soon(self._show(found, instead_of))

    def _show(self, found: Sequence[layers.LayerData], instead_of: Sequence[str] = ()) -> Chunks:
        brought = yield from self._bring(self.require_scene(), found)
        self.hide(*instead_of)
        for layer in brought:
            layer.visible = True
            yield
        self.viewer.layers.selection.active = brought[-1]

    def _bring(
        self, scene: Scene, found: Sequence[layers.LayerData]
    ) -> Generator[None, None, list[Any]]:
        """Renew or add layers, each above its visit's images; then show one after the other."""
        brought = []
        with fluid.together(self.viewer):
            for data in found:
                brought.append(keeping.put_hidden(self.viewer, data))
                yield
            yield from linked.arrange(self.viewer, scene)
        yield
        for layer, shown in brought:
            layer.visible = shown
            yield
        return [layer for layer, _ in brought]

    def show_in_3d(self, found: Sequence[layers.LayerData]) -> None:
        """Show surfaces alone, seen from the front; all else comes back with the flat view."""
        self.soon(self._show_in_3d(found))

    def _show_in_3d(self, found: Sequence[layers.LayerData]) -> Chunks:
        if self.viewer.dims.ndisplay == 2:
            self._flat = {x: x.visible for x in self.viewer.layers if layers.remembered(x)}
        with fluid.together(self.viewer):
            for layer in [x for x in self.viewer.layers if layers.remembered(x) and x.visible]:
                layer.visible = False
            yield
            dims = self.viewer.dims
            dims.order = tuple(range(dims.ndim))  # a turned slice would lay the patient down
            dims.ndisplay = 3
            yield
            yield from self._show(found)
        yield
        orient(self.viewer)
        look_at_all(self.viewer, keeping.find(self.viewer, Kind.SURFACE))
        look_from_front(self.viewer)

    def _turned(self, _event: object = None) -> None:
        """Bring back what was seen before the surfaces."""
        if self.viewer.dims.ndisplay == 2 and self._flat:
            before, self._flat = self._flat, {}
            self.soon(self._flatten(before))

    def _flatten(self, before: Mapping[Any, bool]) -> Chunks:
        with fluid.together(self.viewer):
            self.hide(Kind.SURFACE)
            for layer in list(self.viewer.layers):
                if layer.visible != before.get(layer, layer.visible):
                    layer.visible = before[layer]
                    yield

    def hide(self, *kinds: str) -> None:
        """Hide all layers of these kinds."""
        with fluid.together(self.viewer):
            for layer in [x for kind in kinds for x in keeping.find(self.viewer, kind)]:
                layer.visible = False

    def reveal(self, *kinds: str) -> None:
        """Show all layers of these kinds that are not empty."""
        with fluid.together(self.viewer):
            for layer in [x for kind in kinds for x in keeping.find(self.viewer, kind)]:
                layer.visible = not layers.remembered(layer).get(layers.EMPTY, False)

    # -- keeping in step -------------------------------------------------------------------

    def _follow(self, what: str) -> None:
        if what == "study":
            self.scene = None
            self.soon(self._clear())
        elif what in ("lesions", "result") and self.scene is not None and not self._stale:
            self._stale = True
            self.soon(self._overlay())

    def _clear(self) -> Chunks:
        self._flat = {}
        yield from self._remove(x for x in self.viewer.layers if "visit" in layers.remembered(x))
        self.viewer.dims.ndisplay = 2
        grid_of(self.viewer).enabled = False
        self.looked.emit()

    def _overlay(self) -> Chunks:
        """Bring lesions, tissues and diameters up to date, those of all visits or none."""
        self._stale = False
        scene = self.scene
        if scene is None:
            return
        for kind in KEPT:
            there, found = bool(keeping.find(self.viewer, kind)), []
            for index in scene.visits if there or self.workspace.marked else ():
                found.append(self._drawn(scene, kind, index))
                yield
            if there or not all(layers.is_empty(data) for data in found):
                yield from self._bring(scene, found)

    def _drawn(self, scene: Scene, kind: Kind, index: int) -> layers.LayerData:
        workspace = self.workspace
        one, found = workspace.aligned[index], workspace.state.at(index)
        if kind is Kind.DIAMETERS:
            return diameters.diameters_layer(scene, one, workspace.result)
        told = {i: m.segmentation for i, m in found.items() if m.segmentation is not None}
        if kind is Kind.TISSUES:
            return overlays.tissues_layer(scene, one, told)
        return overlays.lesions_layer(scene, one, {i: m for i, m in found.items() if i not in told})

    def _centre(self) -> None:
        scene = self.require_scene()
        middle = to_world(scene.grid.centre_mm).tolist()
        self.viewer.dims.set_point(range(3), middle)
        self.viewer.reset_view()


def _at_once(chunks: Chunks) -> None:
    for _ in chunks:
        pass
