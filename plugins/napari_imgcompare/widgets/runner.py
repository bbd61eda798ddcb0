"""Runs long work beside the window: one task at a time, with a bar and a cancel that works."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator
from itertools import chain
from time import perf_counter
from typing import Any, TypeVar

from qtpy.QtCore import QObject, QTimer, Signal
from superqt.utils import GeneratorWorker, create_worker

from imgcompare.errors import ImgCompareError
from imgcompare.model import Progress
from napari_imgcompare import fluid
from napari_imgcompare.tasks import Task

T = TypeVar("T")
_OVER = object()

BREATH_S = 0.04
"""Pieces of window work that take less are done in one go: each rest costs a redraw."""

REST_MS = 1
"""Between pieces. At 0 Qt would post the next one ahead of what the mouse and keyboard sent."""

logger = logging.getLogger(__name__)


class Runner(QObject):
    """Runs tasks on a thread and hands their results to the window's own thread.

    Attributes
    ----------
    busy : Signal(bool)
    progress : Signal(int, int, str)
        Step, total, message.
    failed : Signal(str)
        One sentence that says what to do.
    done : Signal(str)
        Title of the task that ended well.
    said : Signal(str)
        One sentence about what was done at once.
    """

    busy = Signal(bool)
    progress = Signal(int, int, str)
    failed = Signal(str)
    done = Signal(str)
    said = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker: GeneratorWorker[Any, Any, Any] | None = None
        self._title = ""
        self._in_piece = False
        self._chunks: Iterator[None] | None = None
        self._following: Callable[[], None] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether something is running."""
        return self._worker is not None or self._chunks is not None

    def start(self, make: Callable[[], Task[T]], then: Callable[[], None] | None = None) -> None:
        """Run a task, and what follows if it ends well; say so if it cannot begin."""
        if self._worker is not None or self._following is not None:
            self.failed.emit("Something is still running; wait for it or cancel it.")
            return
        if self._chunks is not None:  # a moment's window work
            self._following = lambda: self.start(make, then)
            return
        try:
            task = make()
        except ImgCompareError as error:
            self.failed.emit(str(error))
            return

        def work() -> Generator[Progress, None, T]:
            return (yield from task.steps)

        worker = create_worker(work, _start_thread=False, _ignore_errors=True)

        def unless_cancelled(deed: Callable[..., None]) -> Callable[..., None]:
            return lambda *values: deed(*values) if self._worker is worker else None

        worker.yielded.connect(unless_cancelled(self._progress))
        worker.returned.connect(unless_cancelled(lambda result: self._take(task, result, then)))
        worker.errored.connect(unless_cancelled(self._fail))
        self._worker, self._title = worker, task.title
        self.busy.emit(True)
        self.progress.emit(0, 0, task.title)
        worker.start()

    def act(self, deed: Callable[[], object]) -> bool:
        """Do something short at once; say in one sentence what is wrong if it fails."""
        try:
            deed()
        except ImgCompareError as error:
            self.failed.emit(str(error))
            return False
        return True

    def cancel(self) -> None:
        """Give the running task up at once; it ends at its next step, and nothing of it is kept."""
        if self._worker is not None:
            worker, self._worker = self._worker, None
            worker.quit()
            self.failed.emit(f"{self._title} was cancelled.")
            self.busy.emit(self.is_busy)

    def soon(self, chunks: Iterator[None]) -> None:
        """Do window work piece by piece, letting the window breathe in between."""
        waiting = self._chunks is not None or self._in_piece
        self._chunks = chunks if self._chunks is None else chain(self._chunks, chunks)
        if not waiting:
            QTimer.singleShot(REST_MS, self._next_chunk)

    def _next_chunk(self) -> None:
        if self._chunks is None:
            return
        chunks, left = self._chunks, False
        self._chunks = None  # nothing waits for a piece that failed

        def go_on() -> None:
            nonlocal left
            end = perf_counter() + BREATH_S
            while (left := next(chunks, _OVER) is not _OVER) and perf_counter() < end:
                pass

        self._in_piece = True
        try:
            went_well = self.act(go_on)
        except BaseException:
            self._chunks = None
            raise
        finally:
            self._in_piece = False
        if left:
            later = self._chunks  # asked for by the piece itself
            self._chunks = chunks if later is None else chain(chunks, later)
        if self._chunks is not None:
            QTimer.singleShot(REST_MS, self._next_chunk)
            return
        following, self._following = self._following, None
        if following is not None and went_well:
            following()
        self._rest()

    def _take(self, task: Task[T], result: T, then: Callable[[], None] | None) -> None:
        self._worker = None
        if self.act(lambda: task.take(result)):
            self.done.emit(task.title)
            if self._chunks is not None:
                self._following = then
            elif then is not None:
                then()
        self._rest()

    def _rest(self) -> None:
        """Say whether more is to come; if not, tidy up."""
        self.busy.emit(self.is_busy)
        if not self.is_busy:
            QTimer.singleShot(REST_MS, fluid.tidy)

    def _progress(self, progress: Progress) -> None:
        self.progress.emit(progress.step, progress.total, progress.message)

    def _fail(self, error: BaseException) -> None:
        self._worker = None
        if isinstance(error, ImgCompareError):
            self.failed.emit(str(error))
        else:
            logger.error("task failed", exc_info=error)
            self.failed.emit(f"Something went wrong ({type(error).__name__}); please report it.")
        self.busy.emit(self.is_busy)
