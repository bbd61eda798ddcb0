"""Step 1: what is there. Subjects, visits, series, and what each series is for."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHeaderView,
    QLabel,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from imgcompare.model import Role
from napari_imgcompare.tables import visit_rows
from napari_imgcompare.widgets.parts import button, line
from napari_imgcompare.widgets.runner import Runner
from napari_imgcompare.workspace import Workspace

ROLE_WIDTH = 150
"""Room for the longest role."""


class StudyStep(QWidget):
    """Open a folder of visits and see, or change, what each series is for."""

    def __init__(self, workspace: Workspace, runner: Runner) -> None:
        super().__init__()
        self.workspace, self.runner = workspace, runner
        self.subjects = QComboBox()
        self.subjects.setToolTip("The folder may hold several subjects; one is compared at a time")
        self.subjects.activated.connect(workspace.choose_subject)
        self.tree = QTreeWidget()
        self.tree.setToolTip("Visits in order of date, their series, and what each is for")
        self.tree.setHeaderLabels(["visit / series", "role"])
        self.tree.setMinimumHeight(150)
        header = self.tree.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Fixed)
        self.tree.setColumnWidth(1, ROLE_WIDTH)
        self.problems = QLabel()
        self.problems.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.addWidget(
            line(
                button("Open folder…", "Choose a folder with two or more visits", self.ask),
                button("Demo", "Open the phantom whose truth is known", self.demo),
            )
        )
        layout.addWidget(self.subjects)
        layout.addWidget(self.tree)
        layout.addWidget(self.problems)
        workspace.changed.connect(self._follow)
        self.show_study()

    def ask(self) -> None:
        """Let a person choose a folder."""
        chosen = QFileDialog.getExistingDirectory(self, "Folder with the visits of a subject")
        if chosen:
            self.open([Path(chosen)])

    def demo(self) -> None:
        """Open the phantom, made on first use."""
        from napari_imgcompare.samples import demo_task

        self.runner.start(lambda: demo_task(lambda folder: self.open([folder])))

    def open(self, paths: list[Path]) -> None:
        """Read the headers of a study."""
        self.runner.start(lambda: self.workspace.open_study(paths))

    def show_study(self) -> None:
        """Show subjects, visits and series."""
        courses = self.workspace.courses
        self.subjects.setVisible(len(courses) > 1)
        self.subjects.clear()
        self.subjects.addItems([c.subject for c in courses])
        self.subjects.setCurrentIndex(self.workspace.subject if courses else -1)
        self.tree.clear()
        for name, series in visit_rows(self.workspace):
            visit = QTreeWidgetItem([name])
            self.tree.addTopLevelItem(visit)
            for row in series:
                item = QTreeWidgetItem([row.title])
                item.setToolTip(0, row.problem or row.title)
                visit.addChild(item)
                self.tree.setItemWidget(item, 1, self._roles(row.uid, row.role, row.reason))
            visit.setExpanded(True)
        course = self.workspace.course
        found = [*self.workspace.problems, *(course.problems if course else ())]
        self.problems.setText("\n".join(found[:4]))
        self.problems.setVisible(bool(found))

    def _roles(self, uid: str, role: Role, reason: str) -> QComboBox:
        box = QComboBox()
        box.addItems([r.value for r in Role])
        box.setCurrentText(role.value)
        box.setToolTip(f"{reason}. Choose another role to overrule it.")
        box.textActivated.connect(
            lambda text: self.runner.start(lambda: self.workspace.set_role(uid, Role(text)))
        )
        return box

    def _follow(self, what: str) -> None:
        if what == "study":
            self.show_study()
