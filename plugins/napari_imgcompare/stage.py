"""Shows a workspace in a viewer: keeps layers in step with it. Works on a ViewerModel, no Qt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from imgcompare.errors import InputError
from imgcompare.model import WHOLE, AlignedTimepoint, LabelMap, Progress, Quantity, Steps
from napari_imgcompare import acts, layers, linked, overlays
from napari_imgcompare.acts import Ends
from napari_imgcompare.linked import Mode, Scene
from napari_imgcompare.orientation import look_from_front, orient
from napari_imgcompare.overlays import Kind
from napari_imgcompare.spaces import to_patient, to_world
from napari_imgcompare.tasks import Task
from napari_imgcompare.viewers import axes_of, camera_of, scale_bar_of
from napari_imgcompare.workspace import Workspace

LESION_ZOOM = 3.0
"""A lesion is shown with this many times its own size around it."""

MIN_VIEW_MM = 60.0

Chunks = Iterator[None]
"""Work on windows, in pieces short enough not to be noticed."""


class Stage:
    """A workspace on a viewer.

    Parameters
    ----------
    viewer : ViewerModel
    workspace : Workspace
    soon : callable, optional
        Runs pieces of work one by one with the window alive in between; by default at once.
    """

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
        self.flicker_at = 0
        self._soon = soon or _at_once
        workspace.changed.connect(self._follow)

    # -- images ----------------------------------------------------------------------------

    def show_images(self) -> Task[list[layers.LayerData]]:
        """Bring all visits into one scene and show them side by side."""
        aligned = self.workspace.require_aligned()
        course = self.workspace.require_course()

        def steps() -> Steps[list[layers.LayerData]]:
            scene = linked.scene_of(aligned, course.baseline_index)
            found: list[layers.LayerData] = []
            for n, index in enumerate(scene.visits, 1):
                yield Progress(n, len(scene.visits), f"showing {aligned[index].timepoint.name}")
                found += linked.visit_layers(scene, aligned[index])
            self.scene = scene
            return found

        return Task("Showing the visits", steps(), lambda found: self._soon(self._put(found)))

    def _put(self, found: Sequence[layers.LayerData]) -> Chunks:
        from napari.layers import Layer

        for layer in [x for x in self.viewer.layers if layers.remembered(x)]:
            self.viewer.layers.remove(layer)
            yield
        for data in found:
            self.viewer.layers.append(Layer.create(*data))
            yield
        self._overlay_all()
        yield
        scale_bar_of(self.viewer).visible = True
        self.look(self.mode)
        yield
        self._centre()

    def look(self, mode: Mode) -> None:
        """Change the way of looking at the visits."""
        if self.scene is None:
            raise InputError("Register the visits first (step 2).")
        if self.mode is Mode.FLICKER and mode is not Mode.FLICKER:
            linked.end_flicker(self.viewer)
        self.mode = mode
        linked.set_mode(self.viewer, mode, self.scene.visits)
        linked.arrange(self.viewer, self.scene)

    def flick(self) -> int:
        """Turn to the next visit while flickering; give its index."""
        if self.mode is not Mode.FLICKER:
            self.look(Mode.FLICKER)
            self.flicker_at = 0
        visits = self.scene.visits if self.scene else ()
        self.flicker_at = (self.flicker_at + 1) % max(1, len(visits))
        linked.show_visit(self.viewer, visits[self.flicker_at])
        return visits[self.flicker_at]

    def swap(self) -> None:
        """Change sides: the last visit left, the first right, or back."""
        if self.scene is None:
            return
        turned = tuple(reversed(self.scene.visits))
        self.scene = Scene(self.scene.grid, turned, self.scene.roles)
        linked.arrange(self.viewer, self.scene)

    def show_role(self, role: str) -> None:
        """Show one kind of series of every visit."""
        for layer in self.viewer.layers:
            about = layers.remembered(layer)
            if about.get("kind") == linked.IMAGE:
                layer.visible = str(about["role"]) == role
        self.look(self.mode)

    def show_enhancement(self) -> Task[list[layers.LayerData]]:
        """Add the matched subtraction of every visit."""
        scene, aligned = self.require_scene(), self.workspace.require_aligned()

        def steps() -> Steps[list[layers.LayerData]]:
            found = []
            for n, index in enumerate(scene.visits, 1):
                one = aligned[index]
                yield Progress(n, len(scene.visits), f"subtracting at {one.timepoint.name}")
                enhancement = self.workspace.prepared(index).enhancement
                if enhancement is None:
                    continue
                hounsfield = one.reference.quantity is Quantity.HU
                found.append(
                    overlays.enhancement_layer(scene, one, enhancement, hounsfield=hounsfield)
                )
            if not found:
                raise InputError("No visit has images before and after contrast to subtract.")
            return found

        def take(found: list[layers.LayerData]) -> None:
            for data in found:
                data[1]["visible"] = True
                self.put(data)
            linked.arrange(self.viewer, scene)

        return Task("Subtracting", steps(), take)

    # -- lesions ---------------------------------------------------------------------------

    def point_at(self, world: npt.ArrayLike, index: int) -> tuple[float, float, float]:
        """Give the place in a visit's own space, LPS mm, of a point of the scene."""
        one = self.workspace.require_aligned()[index]
        mm = one.to_baseline.inverse().apply(to_patient(np.asarray(world)[-3:]))
        return float(mm[0]), float(mm[1]), float(mm[2])

    def go_to(self, identity: int) -> None:
        """Turn all views to a lesion."""
        places = [
            (self.workspace.aligned[index], marked.region)
            for (index, lesion), marked in sorted(self.workspace.marked.items())
            if lesion == identity
        ]
        if not places:
            return
        one, region = places[0]
        voxels = region.geometry.index_to_world(np.argwhere(region.array))
        points = to_world(one.to_baseline.apply(voxels))
        centre = (points.min(axis=0) + points.max(axis=0)) / 2
        size = float(np.ptp(points, axis=0).max())
        self.lesion = identity
        dims, one_grid = self.viewer.dims, self.require_scene().grid
        slices = np.rint(one_grid.world_to_index(centre[::-1]))
        for axis, place in enumerate(to_world(one_grid.index_to_world(slices))):
            dims.set_point(dims.ndim - 3 + axis, float(place))
        camera_of(self.viewer).center = tuple(centre)
        self._zoom(max(MIN_VIEW_MM, LESION_ZOOM * size))
        for layer in self.viewer.layers:
            if layers.remembered(layer).get("kind") == Kind.TISSUES:
                layer.selected_label = max(1, int(layer.selected_label))

    def show_diameter(self, identity: int) -> None:
        """Turn to the plane of acquisition in which a lesion's longest diameter was measured."""
        result = self.workspace.result
        drawn = [
            (m, self.workspace.aligned[m.timepoint_index])
            for m in (result.measurements if result is not None else ())
            if m.lesion_id == identity
            and m.compartment == WHOLE
            and m.quantity in overlays.DIAMETERS[:2]
            and len(m.endpoints_lps_mm) == 2
        ]
        if not drawn:
            raise InputError("Measure first (step 5); then diameters can be shown.")
        first = drawn[0][1]
        ends = [
            to_world(first.to_baseline.apply(m.endpoints_lps_mm)) for m, a in drawn if a is first
        ]
        extent = np.max([np.abs(line[1] - line[0]) for line in ends], axis=0)
        across = int(extent.argmin())
        dims = self.viewer.dims
        dims.ndisplay = 2
        self.go_to(identity)
        dims.order = (across, *(a for a in range(dims.ndim) if a != across))
        # At the middle of a slice, where napari looks for lines.
        middle = ends[0].mean(axis=0)
        grid = self.require_scene().grid
        slices = np.rint(grid.world_to_index(to_patient(middle)))
        dims.set_point(across, float(to_world(grid.index_to_world(slices))[across]))
        self._zoom(max(MIN_VIEW_MM, LESION_ZOOM * float(extent.max())))
        camera_of(self.viewer).center = tuple(middle)

    def step(self, by: int) -> int | None:
        """Go to the next (1) or previous (-1) lesion; give its number."""
        known = sorted(self.workspace.lesions)
        if not known:
            return None
        here = known.index(self.lesion) if self.lesion in known else -1 if by > 0 else 0
        identity = known[(here + by) % len(known)]
        self.go_to(identity)
        return identity

    def mark_layer(self, layer: Any, index: int) -> None:
        """Take any Labels layer, of this or another plugin or drawn by hand, as lesions."""
        one = self.workspace.require_aligned()[index]
        labels = self.labels_of(layer, one)
        baseline = self.workspace.require_course().baseline_index
        self.workspace.change(
            acts.add_regions(
                self.workspace.state, index, labels, baseline=baseline, source=f"layer {layer.name}"
            )
        )

    def labels_of(self, layer: Any, one: AlignedTimepoint) -> LabelMap:
        """Give a Labels layer on the native grid of a visit.

        A layer that this plugin opened in a visit's own space lies there; all others are taken
        to be drawn on the scene.
        """
        about = layers.remembered(layer)
        native, on_scene = about.get("labels"), "to_baseline" in about
        if native is not None and not on_scene and native.geometry == one.geometry:
            return LabelMap(np.asarray(layer.data), one.geometry)
        grid = one.geometry
        index = np.indices(grid.shape).reshape(3, -1).T
        world = to_world(one.to_baseline.apply(grid.index_to_world(index)))
        place = np.rint(_world_to_data(layer, world)).astype(int)
        data = np.asarray(layer.data)
        inside = ((place >= 0) & (place < np.array(data.shape[-3:]))).all(axis=-1)
        found = np.zeros(grid.shape, dtype=data.dtype).ravel()
        z, y, x = place[inside].T
        found[inside] = data.reshape(data.shape[-3:])[z, y, x]
        return LabelMap(found.reshape(grid.shape), grid)

    # -- edits -----------------------------------------------------------------------------

    def take_edits(self) -> bool:
        """Take what was painted into the tissue layers; tell whether anything changed."""
        state = self.workspace.state
        for layer in list(self.viewer.layers):
            about = layers.remembered(layer)
            if about.get("kind") == Kind.TISSUES:
                state = self._edited(state, layer, about)
        if state is self.workspace.state:
            return False
        self.workspace.change(state)
        return True

    def _edited(self, state: acts.State, layer: Any, about: dict[str, Any]) -> acts.State:
        drawn, index = about["drawn"], about["visit"]
        if np.array_equal(drawn, layer.data):
            return state
        one = self.workspace.aligned[index]
        told = {i: m.segmentation for i, m in state.at(index).items() if m.segmentation}
        whole = LabelMap(overlays.tissues_on(one.geometry, told.values()), one.geometry)
        after = overlays.native_edits(
            drawn,
            np.asarray(layer.data),
            shown=self.require_scene().grid,
            native=whole,
            to_baseline=one.to_baseline,
        )
        changed = np.asarray(after.array != whole.array)
        receiver = self.lesion if self.lesion in told else min(told, default=None)
        for identity, segmentation in told.items():
            own = overlays.tissues_on(one.geometry, [segmentation])
            mine = changed & (own != 0)
            if identity == receiver:
                mine |= changed & (whole.array == 0)
            if mine.any():
                redrawn = np.where(mine, after.array, own).astype(np.uint8)
                labels = LabelMap(redrawn, one.geometry)
                state = acts.redraw(state, index, identity, labels)
        return state

    def take_diameters(self, layer: Any) -> bool:
        """Take diameters whose ends were dragged; tell whether any was."""
        about = layers.remembered(layer)
        index, result = about["visit"], self.workspace.result
        if result is None:
            return False
        back = self.workspace.aligned[index].to_baseline.inverse()
        state = self.workspace.state
        for (identity, quantity), line in zip(about["figures"], layer.data, strict=False):
            ends = back.apply(to_patient(layers.places_of(layer, line)))
            known = next(
                np.asarray(m.endpoints_lps_mm)
                for m in result.measurements
                if (m.timepoint_index, m.lesion_id, m.quantity) == (index, identity, quantity)
                and len(m.endpoints_lps_mm) == 2
            )
            if np.abs(ends - known).max() > 0.05:
                state = acts.draw_diameter(state, index, identity, quantity, _ends(ends))
        if state is self.workspace.state:
            return False
        self.workspace.change(state)
        return True

    def show_surfaces(self) -> Task[list[layers.LayerData]]:
        """Show the lesions of every visit in 3-D, coloured by tissue."""
        scene = self.require_scene()

        def steps() -> Steps[list[layers.LayerData]]:
            found = []
            told = [(k, m) for k, m in sorted(self.workspace.marked.items()) if m.segmentation]
            for n, ((index, identity), marked) in enumerate(told, 1):
                yield Progress(n, len(told), f"surface of lesion {identity}")
                if marked.segmentation is not None:
                    one = self.workspace.aligned[index]
                    found += overlays.surfaces(scene, one, identity, marked.segmentation)
            if not found:
                raise InputError("Tell the tissues apart first (step 4).")
            return found

        def take(found: list[layers.LayerData]) -> None:
            self._hide(Kind.TISSUES, Kind.LESIONS, Kind.CHANGE, Kind.DIAMETERS, linked.IMAGE)
            for data in found:
                data[1]["visible"] = True
                self.put(data)
            linked.arrange(self.viewer, self.require_scene())
            self.viewer.dims.ndisplay = 3
            axes_of(self.viewer).visible = True
            orient(self.viewer)
            look_from_front(self.viewer)

        return Task("Building surfaces", steps(), take)

    # -- keeping in step -------------------------------------------------------------------

    def _follow(self, what: str) -> None:
        if what == "study":
            self.scene = None
            for layer in [x for x in self.viewer.layers if "visit" in layers.remembered(x)]:
                self.viewer.layers.remove(layer)
        elif what == "lesions" and self.scene is not None:
            self._overlay_all()
        elif what == "result" and self.scene is not None:
            self._draw_diameters()

    def _overlay_all(self) -> None:
        """Bring lesions, tissues and diameters up to date."""
        scene, workspace = self.require_scene(), self.workspace
        for index in scene.visits:
            one, found = workspace.aligned[index], workspace.state.at(index)
            told = {i: m.segmentation for i, m in found.items() if m.segmentation is not None}
            untold = {i: m for i, m in found.items() if i not in told}
            for kind, data in (
                (Kind.LESIONS, overlays.lesions_layer(scene, one, untold) if untold else None),
                (Kind.TISSUES, overlays.tissues_layer(scene, one, told) if told else None),
            ):
                if data is None:
                    self._remove(kind, index)
                else:
                    self.put(data)
        self._draw_diameters()

    def _draw_diameters(self) -> None:
        scene = self.require_scene()
        for index in scene.visits:
            data = self._diameters(self.workspace.aligned[index])
            self._remove(Kind.DIAMETERS, index)
            if data is not None:
                self.put(data)
        linked.arrange(self.viewer, scene)

    def _diameters(self, one: AlignedTimepoint) -> layers.LayerData | None:
        result = self.workspace.result
        if result is None:
            return None
        data = overlays.diameters_layer(self.require_scene(), one, result.measurements)
        return data if data[0] else None

    def show_change(self, compartment: str) -> None:
        """Show where lesions, or one tissue of them, grew and shrank since baseline."""
        scene, workspace = self.require_scene(), self.workspace
        first, last = min(scene.visits), max(scene.visits)
        pair = [
            (
                workspace.aligned[i],
                [m.segmentation for m in workspace.state.at(i).values() if m.segmentation],
            )
            for i in (first, last)
        ]
        data = overlays.change_layer(scene, last, pair, compartment=compartment)
        data[1]["visible"] = True
        self._remove(Kind.CHANGE, last)
        self._hide(Kind.TISSUES, Kind.LESIONS)
        self.put(data)
        linked.arrange(self.viewer, scene)

    def put(self, data: layers.LayerData) -> None:
        """Renew the layer of the same name, keeping how a person set it; add it if new."""
        from napari.layers import Layer

        array, keywords, kind = data
        old = next((x for x in self.viewer.layers if x.name == keywords["name"]), None)
        if old is not None and kind == "labels" and old.data.shape == array.shape:
            old.data = array
            old.metadata = keywords["metadata"]
            return
        layer = Layer.create(*data)
        if old is None:
            self.viewer.layers.append(layer)
            return
        layer.visible = old.visible
        place = self.viewer.layers.index(old)
        self.viewer.layers.remove(old)
        self.viewer.layers.insert(place, layer)

    def _hide(self, *kinds: str) -> None:
        for layer in self.viewer.layers:
            if layers.remembered(layer).get("kind") in kinds:
                layer.visible = False

    def _remove(self, kind: Kind, visit: int) -> None:
        for layer in list(self.viewer.layers):
            about = layers.remembered(layer)
            if about.get("kind") == kind and about.get("visit") == visit:
                self.viewer.layers.remove(layer)

    def require_scene(self) -> Scene:
        """Give the scene, or say that registration comes first."""
        if self.scene is None:
            raise InputError("Register the visits first (step 2).")
        return self.scene

    def _centre(self) -> None:
        scene = self.require_scene()
        middle = to_world(scene.grid.centre_mm)
        for axis in range(3):
            self.viewer.dims.set_point(axis, float(middle[axis]))
        self.viewer.reset_view()

    def _zoom(self, view_mm: float) -> None:
        """Fit so many mm into a cell of the grid."""
        scene = self.require_scene()
        whole = max(n * s for n, s in zip(scene.grid.shape, scene.grid.spacing_mm, strict=True))
        center = camera_of(self.viewer).center
        self.viewer.reset_view()
        camera_of(self.viewer).zoom *= whole / view_mm
        camera_of(self.viewer).center = center


def _world_to_data(layer: Any, world: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Map world points (S, P, L) to a layer's own voxel indices."""
    points = [layer.world_to_data(point) for point in np.vstack([np.zeros(3), np.eye(3)])]
    origin, *steps = (np.asarray(p, dtype=np.float64)[-3:] for p in points)
    matrix = np.stack([s - origin for s in steps], axis=1)
    return np.asarray(world @ matrix.T + origin)


def _ends(points: npt.NDArray[np.float64]) -> Ends:
    (a, b, c), (d, e, f) = points.tolist()
    return (a, b, c), (d, e, f)


def _at_once(chunks: Chunks) -> None:
    for _ in chunks:
        pass
