"""Choosing among many series, by mouse and by keys."""

from typing import Any

import pytest
from napari_imgcompare.opening import FEW, offers

from tests.napari_imgcompare.conftest import SAMPLE


@pytest.fixture
def dialog(window_viewer: Any) -> Any:
    from napari_imgcompare.widgets.chooser import Chooser
    from qtpy.QtWidgets import QApplication

    made = Chooser(offers([SAMPLE]))
    made.show()
    QApplication.processEvents()
    yield made
    made.close()
    made.deleteLater()


def press(dialog: Any, text: str) -> Any:
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest
    from qtpy.QtWidgets import QPushButton

    (found,) = (b for b in dialog.findChildren(QPushButton) if b.text().startswith(text))
    QTest.mouseClick(found, Qt.MouseButton.LeftButton)
    return found


def test_what_a_comparison_would_use_is_ticked_to_begin_with(dialog: Any) -> None:
    assert [o.preferred for o in dialog.chosen()] == [True] * FEW


def test_two_are_picked_with_the_mouse(dialog: Any) -> None:
    from qtpy.QtCore import QPoint, Qt
    from qtpy.QtTest import QTest

    press(dialog, "None")
    for row in (1, 3):
        item = dialog._list.item(row)
        dialog._list.scrollToItem(item)
        place = dialog._list.visualItemRect(item)
        box = QPoint(place.left() + 10, place.center().y())
        QTest.mouseClick(dialog._list.viewport(), Qt.MouseButton.LeftButton, pos=box)
    assert dialog.chosen() == [dialog._offers[1], dialog._offers[3]]
    press(dialog, "Open 2")
    assert dialog.result() == 1


def test_keys_alone_will_do(dialog: Any) -> None:
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest

    press(dialog, "None")
    for key in (Qt.Key.Key_Home, Qt.Key.Key_Space, Qt.Key.Key_Down, Qt.Key.Key_Space):
        QTest.keyClick(dialog._list, key)
    assert dialog.chosen() == list(dialog._offers[:2])
    QTest.keyClick(dialog._list, Qt.Key.Key_Return)
    assert dialog.result() == 1


def test_nothing_ticked_cannot_be_opened(dialog: Any) -> None:
    press(dialog, "All")
    assert dialog.chosen() == list(dialog._offers)
    press(dialog, "None")
    press(dialog, "Open 0")
    assert dialog.isVisible()
    press(dialog, "Cancel")
    assert dialog.result() == 0
    assert not dialog.isVisible()
