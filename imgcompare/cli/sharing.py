"""Options that several sub-commands share, declared once."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

OPTIONS = (
    click.option(
        "--criteria", metavar="NAME,...", help="Response criteria; all installed by default."
    ),
    click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="CRITERION.SETTING=VALUE",
        help="Setting of a criterion, for example recist_1_1.confirm=yes.",
    ),
    click.option(
        "--events",
        metavar="FILE.csv",
        type=click.Path(path_type=Path),
        help="What happened to the patients: subject,date,event,value. Windows are unknown "
        "without it.",
    ),
    click.option(
        "--repeatability",
        metavar="FILE.json",
        type=click.Path(path_type=Path),
        help="Your own test-retest values, from 'imgcompare repeatability'.",
    ),
)
"""How criteria are chosen and set, and what they are told beside the figures."""


def criteria_options(command: Command) -> Command:
    """Add the options of criteria: ``criteria``, ``settings``, ``events``, ``repeatability``."""
    return reduce(lambda found, option: option(found), reversed(OPTIONS), command)


def output_option(*, help: str) -> Callable[[Command], Command]:
    """Add ``-o``, the folder to write into."""
    return click.option(
        "-o",
        "--output",
        required=True,
        metavar="DIR",
        type=click.Path(path_type=Path),
        help=help,
    )
