"""One key of the keyboard, without Enter, while something else may be heard as well."""

import os
import select
import sys
import termios
import tty
from contextlib import suppress

_KEY_BYTES = 32
_END = "\x04"


def key(other: int) -> str | None:
    """Return the next key, as the terminal sends it; None: the file `other` can be read.

    Ctrl-C is a key here. Raises EOFError at Ctrl-D, and where the terminal is gone.
    """
    keyboard = sys.stdin.fileno()
    try:
        before = termios.tcgetattr(keyboard)
        try:
            tty.setraw(keyboard)
            ready, _, _ = select.select([keyboard, other], [], [])
            found = os.read(keyboard, _KEY_BYTES) if keyboard in ready else None
        finally:
            with suppress(termios.error):
                termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
    except (OSError, termios.error):
        raise EOFError from None
    if found in (b"", _END.encode()):
        raise EOFError
    return None if found is None else found.decode(errors="replace")
