"""Entry point: lazy sub-commands, and every failure as one clear line with exit code 2."""

from __future__ import annotations

import errno
import importlib
import logging
import os
import signal
import sys
import threading
import types
from typing import NoReturn

import click

from imgcompare import __version__
from imgcompare.errors import ImgCompareError

UNUSABLE_INPUT = 2
"""Exit code for unusable input, an unwritable output, or an interrupted run."""

_COMMANDS = {
    "assess": "Apply response criteria to a typed table of measurements.",
    "compare": "Compare the timepoints found in folders and write a report.",
    "demo": "Make a digital phantom with known truth, compare it, and write a report.",
    "repeatability": "Compute measurement error from your own test-retest measurements.",
    "view": "Open a study, a result or a session in napari.",
    "scan": "List subjects, timepoints, series, roles and problems in folders.",
}


class LazyGroup(click.Group):
    """A group whose sub-commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the sub-commands."""
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a sub-command."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"imgcompare.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of sub-commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="imgcompare")
@click.option("-v", "--verbose", is_flag=True, help="Log what each stage does to standard error.")
def cli(verbose: bool) -> None:
    """Measure and compare tumours over time on raw DICOM. Not for clinical use."""
    if verbose:
        logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    else:  # what a result warns of is printed with it, once
        logging.getLogger("imgcompare.pipeline.journal").addHandler(logging.NullHandler())


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit.

    Exit codes: 0 done, 2 unusable input (one line on standard error).
    """
    stopped = _watch_for_interrupt()
    try:
        result = cli.main(args=arguments, prog_name="imgcompare", standalone_mode=False)
        sys.stdout.flush()
    except (ImgCompareError, click.ClickException) as error:
        _fail(_one_line(error))
    except (KeyboardInterrupt, click.Abort):
        _stop()
    except BrokenPipeError:
        # The reader of our output went away (`imgcompare scan X | head`): nothing to report.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT):
            raise
        _fail(f"cannot write: {error.strerror}. Free some space or choose another folder.")
    except MemoryError:
        _fail("not enough memory for these images; compare fewer series or use a larger machine.")
    except Exception:
        if not stopped.is_set():
            raise
        _stop()  # numba, interrupted while it compiles, raises errors of its own
    sys.exit(result if isinstance(result, int) else 0)


def _watch_for_interrupt() -> threading.Event:
    """Remember Ctrl-C, which raises KeyboardInterrupt as ever."""
    stopped = threading.Event()

    def note(number: int, frame: types.FrameType | None) -> None:
        stopped.set()
        signal.default_int_handler(number, frame)

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, note)
    return stopped


def _stop() -> NoReturn:
    # If the interrupt has hit code that was running exec, "python -m" would end by the signal
    # although it has been handled (CPython's Py_RunMain); another exec clears that mark.
    exec("")
    _fail("interrupted; no result was written.")


def _one_line(error: Exception) -> str:
    text = error.format_message() if isinstance(error, click.ClickException) else str(error)
    if isinstance(error, click.UsageError) and error.ctx is not None:
        text += f" See '{error.ctx.command_path} --help'."
    return " ".join(text.split())


def _fail(message: str) -> NoReturn:
    click.echo(f"imgcompare: {message}", err=True)
    sys.exit(UNUSABLE_INPUT)
