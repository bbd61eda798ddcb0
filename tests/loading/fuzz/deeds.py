"""Cases that do everything that none may, in a module that loads quickly."""

import os
import signal
import time
from collections.abc import Callable


def misbehave(argument: str | None) -> Callable[[int], tuple[str, Callable[[], str]]]:
    """Give case 0 that ends well, and four that must not end so."""

    def raise_error() -> str:
        raise KeyError("untold")

    def flood() -> str:
        return f"{len(bytearray(4 << 30))}"

    def crash() -> str:
        os.kill(os.getpid(), signal.SIGSEGV)
        return "never"

    def hang() -> str:
        time.sleep(60)
        return "never"

    deeds = (lambda: "refused", raise_error, flood, crash, hang)
    return lambda number: (f"deed {number}", deeds[number])
