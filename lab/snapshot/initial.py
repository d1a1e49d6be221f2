"""The initial lab: as it was right after `lab up`, which saves it for the next one and `reset`."""

import json
from pathlib import Path
from typing import NamedTuple

from lab import paths
from lab.host import settings
from lab.snapshot import key, store
from lab.snapshot.freeze import freeze
from lab.terminal.progress import Progress
from provisioning.box.build import Box
from provisioning.topology import Topology
from services.core.errors import LabError
from services.core.fields import decode

NAME = "up"
_REQUEST = paths.STATE / "up.json"


class Request(NamedTuple):
    """What the latest `lab up` asked for."""

    mode: str
    profile: str


def remember(request: Request) -> None:
    """Write down what `lab up` asked for."""
    _REQUEST.write_text(json.dumps(request._asdict()) + "\n")


def remembered() -> Request:
    """Return what the latest `lab up` asked for; raises LabError where there was none."""
    try:
        return Request(**decode(_REQUEST.read_text()))
    except (OSError, ValueError, TypeError):
        raise LabError(
            "there is no lab to return to: it was never up", hint="lab up both"
        ) from None


def folder() -> Path:
    """Return the folder of the initial lab, whether it exists or not."""
    return store.FROZEN / NAME


def delete() -> None:
    """Delete the initial lab. Idempotent."""
    store.frozen().delete(NAME)


def usable(box: Box) -> bool:
    """Return whether it is made of exactly what a new lab on `box` would be made of."""
    labs = store.frozen()
    try:
        if NAME not in labs.names():
            return False
        return labs.read(NAME).key == key.of_new_lab(box, settings.load().accel.name)
    except (LabError, OSError):  # OSError: this checkout has no keys yet
        return False


def save(topology: Topology, request: Request, progress: Progress) -> None:
    """Save the lab as it is now. A failure is reported and raises nothing."""
    labs = store.frozen()
    try:
        freeze(topology, labs, NAME, f"right after lab up {request.mode}", progress)
    except LabError as error:
        delete()
        progress(f"not saved for the next `lab up` and `lab reset`: {error}")
