"""What all pages share: templates, the notice, and text that breaks where people would break it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment

NBSP = "\N{NO-BREAK SPACE}"
NOTICE = "Research tool, not for clinical use"


def environment(scrub: Callable[[str], str]) -> Environment:
    """Give the templates, with filters that cut folders out and keep figures together."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    found = Environment(
        loader=PackageLoader("imgcompare.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["scrub"] = lambda value: scrub(str(value))
    found.filters["together"] = keep_together
    return found


def keep_together(text: str) -> str:
    """Keep figures, their units and what stands in brackets on one line."""
    bound = re.sub(r"\([^()]{1,40}\)", lambda m: m.group().replace(" ", NBSP), text)
    bound = re.sub(r"(?<![\w.])-(?=\d)", "−", bound)
    bound = bound.replace("follow-up", "follow\N{NON-BREAKING HYPHEN}up")
    return re.sub(r"(?<=\d) (?=[%a-z]|mL\b)", NBSP, bound)
