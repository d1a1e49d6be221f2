"""What one pass of the node controller leaves for the next, in a file that a reboot deletes."""

import json
import os
from collections.abc import Mapping
from typing import NamedTuple

from services.core.errors import LabError
from services.core.fields import Json, as_object, decode, seconds, text

_NOTHING: Mapping[str, float] = {}


class PassMemory(NamedTuple):
    """guarded: see services.core.liveness.evict, by the clock of this boot.

    silent_s, trouble: see services.deciders.echo.Listener.
    """

    guarded: Mapping[str, float] = _NOTHING
    silent_s: Mapping[str, float] = _NOTHING
    trouble: str = ""


def recall(path: str) -> PassMemory:
    """Return what is in the file `path`; an empty memory if nothing there can be used."""
    try:
        with open(path, "rb") as file:
            fields = as_object(decode(file.read()))
        guarded, silent_s = (_durations(fields, key) for key in ("guarded", "silent_s"))
        return PassMemory(guarded, silent_s, text(fields, "trouble"))
    except (OSError, ValueError, LabError):
        return PassMemory()


def keep(path: str, memory: PassMemory) -> None:
    """Write `memory` to the file `path`. If that fails, the next pass begins with the older one."""
    half = f"{path}.new"
    try:
        with open(half, "w", encoding="utf-8") as file:
            json.dump(memory._asdict(), file)
        os.replace(half, path)
    except OSError:
        return


def _durations(fields: Json, key: str) -> dict[str, float]:
    numbers = as_object(fields.get(key))
    return {name: seconds(numbers, name) for name in numbers}
