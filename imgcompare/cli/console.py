"""A progress bar for long work, drawn on standard error."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from imgcompare.model import Progress

T = TypeVar("T")


def run(steps: Generator[Progress, None, T]) -> T:
    """Run long work to its end, drawing a bar where a person is watching."""
    columns = (
        TextColumn("[progress.description]{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("starting", total=None)
        while True:
            try:
                progress = next(steps)
            except StopIteration as stop:
                result: T = stop.value
                return result
            bar.update(
                task,
                total=progress.total,
                completed=progress.step - 1,
                description=progress.message,
            )
