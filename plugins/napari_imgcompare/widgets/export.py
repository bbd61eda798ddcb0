"""Step 6: keep it. The report with its tables, and the session to go on with later."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from imgcompare.errors import InputError
from imgcompare.options import CompareOptions
from imgcompare.pipeline.places import find_study
from imgcompare.reporting import require_writable, write_comparison
from napari_imgcompare import navigating, sessions
from napari_imgcompare.stage import Stage
from napari_imgcompare.tasks import Task
from napari_imgcompare.widgets.parts import button, line
from napari_imgcompare.widgets.runner import Runner


class ExportStep(QWidget):
    """Write the report, save the session, or take one up again."""

    def __init__(self, stage: Stage, runner: Runner) -> None:
        super().__init__()
        self.stage, self.runner, self.workspace = stage, runner, stage.workspace
        layout = QVBoxLayout(self)
        layout.addWidget(
            button(
                "Write report…",
                "Report, tables, label maps, transforms and DICOM objects into a folder",
                self.ask_report,
            )
        )
        layout.addWidget(
            line(
                button("Save session…", "Keep everything you did in a folder", self.ask_save),
                button("Open session…", "Take up a session where it was left", self.ask_open),
            )
        )

    def ask_report(self) -> None:
        """Ask where the report goes."""
        chosen = QFileDialog.getExistingDirectory(self, "Folder for the report")
        if chosen:
            self.report(Path(chosen))

    def report(self, folder: Path) -> None:
        """Write everything that `imgcompare compare` writes."""

        def make() -> Task[Path]:
            result = self.workspace.result
            if result is None:
                raise InputError("Measure first (step 5).")
            require_writable(folder)
            return Task("Writing the report", write_comparison(result, folder), lambda _: None)

        self.runner.start(make)

    def ask_save(self) -> None:
        """Ask where the session goes."""
        chosen = QFileDialog.getExistingDirectory(self, "Folder for the session")
        if chosen:
            self.save(Path(chosen))

    def save(self, folder: Path) -> None:
        """Keep the session."""
        if self.runner.act(lambda: sessions.save(self.workspace, folder)):
            self.runner.done.emit("Saving the session")

    def ask_open(self) -> None:
        """Ask for a session."""
        chosen = QFileDialog.getExistingDirectory(self, "Folder of a session")
        if chosen:
            self.open(Path(chosen))

    def open(self, folder: Path, study: list[Path] | None = None) -> None:
        """Take up a session: its study, alignment, lesions and edits."""
        found: list[tuple[CompareOptions, tuple[str, ...]]] = []
        if not self.runner.act(lambda: found.append(sessions.read(folder))):
            return
        options, uids = found[0]
        paths = study or list(find_study(uids)) or self._ask_study()
        if not paths:
            return
        self.workspace.roles = dict(options.roles)

        def aligned() -> None:
            same = self.runner.act(lambda: sessions.require_same_study(self.workspace, uids))
            if same:
                self.runner.start(lambda: self.workspace.align(options), shown)

        def shown() -> None:
            self.runner.start(self.stage.show_images, lesions)

        def lesions() -> None:
            taken = self.runner.act(lambda: sessions.take_up(self.workspace, options))
            if taken and self.workspace.marked:
                self.runner.start(self.workspace.measuring, show)

        def show() -> None:
            navigating.go_to(self.stage, min(self.workspace.lesions))

        self.runner.start(lambda: self.workspace.open_study(paths), aligned)

    def _ask_study(self) -> list[Path]:
        chosen = QFileDialog.getExistingDirectory(self, "Folder of the study the session is about")
        return [Path(chosen)] if chosen else []
