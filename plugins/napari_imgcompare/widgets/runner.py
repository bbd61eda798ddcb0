"""Runs long work beside the window: one task at a time, with a bar and a cancel that works."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator
from typing import Any, TypeVar

from napari.qt.threading import GeneratorWorker, create_worker
from qtpy.QtCore import QObject, QTimer, Signal

from imgcompare.errors import ImgCompareError
from imgcompare.model import Progress
from napari_imgcompare.tasks import Task

T = TypeVar("T")
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
    """

    busy = Signal(bool)
    progress = Signal(int, int, str)
    failed = Signal(str)
    done = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker: GeneratorWorker[Any, Any, Any] | None = None
        self._chunks: Iterator[None] | None = None
        self._following: Callable[[], None] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether something is running."""
        return self._worker is not None or self._chunks is not None

    def start(self, make: Callable[[], Task[T]], then: Callable[[], None] | None = None) -> None:
        """Run a task, and what follows if it ends well; say so if it cannot begin."""
        if self.is_busy:
            self.failed.emit("Something is still running; wait for it or cancel it.")
            return
        try:
            task = make()
        except ImgCompareError as error:
            self.failed.emit(str(error))
            return

        def work() -> Generator[Progress, None, T]:
            return (yield from task.steps)

        worker = create_worker(work, _start_thread=False, _ignore_errors=True)
        worker.yielded.connect(lambda p: self.progress.emit(p.step, p.total, p.message))
        worker.returned.connect(lambda result: self._take(task, result, then))
        worker.errored.connect(self._fail)
        worker.aborted.connect(lambda: self.failed.emit(f"{task.title} was cancelled."))
        worker.finished.connect(lambda: self._end(worker))
        self._worker = worker
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
        """Ask the running task to end at its next step; nothing of it is kept."""
        if self._worker is not None:
            self._worker.quit()

    def soon(self, chunks: Iterator[None]) -> None:
        """Do window work piece by piece, letting the window breathe in between."""
        self._chunks = chunks
        QTimer.singleShot(0, self._next_chunk)

    def _next_chunk(self) -> None:
        if self._chunks is None:
            return
        try:
            next(self._chunks)
        except StopIteration:
            self._chunks, following = None, self._following
            self._following = None
            if following is not None:
                following()
            self.busy.emit(self.is_busy)
            return
        QTimer.singleShot(0, self._next_chunk)

    def _take(self, task: Task[T], result: T, then: Callable[[], None] | None) -> None:
        self._worker = None
        if self.act(lambda: task.take(result)):
            self.done.emit(task.title)
            if self._chunks is not None:
                self._following = then
            elif then is not None:
                then()

    def _fail(self, error: BaseException) -> None:
        if isinstance(error, ImgCompareError):
            self.failed.emit(str(error))
            return
        logger.error("task failed", exc_info=error)
        self.failed.emit(f"Something went wrong ({type(error).__name__}); please report it.")

    def _end(self, worker: object) -> None:
        """Forget a worker that has ended; another may have begun since."""
        if self._worker is worker:
            self._worker = None
        self.busy.emit(self.is_busy)
