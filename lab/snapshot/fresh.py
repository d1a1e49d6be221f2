"""The lab right after `lab up`: kept by `up` itself, taken by the next one and by `reset`."""

import json
from pathlib import Path
from typing import NamedTuple

from lab import paths
from lab.host import settings
from lab.snapshot import key, store
from lab.snapshot.freeze import freeze
from lab.snapshot.state import State
from lab.terminal.progress import Progress
from provisioning.box.build import Box
from provisioning.topology import Topology
from services.core.errors import LabError
from services.core.fields import decode

NAME = "up"
_WISH = paths.STATE / "up.json"


class Wish(NamedTuple):
    """What the latest `lab up` asked for."""

    mode: str
    profile: str


class NeverUp(LabError):
    """A reset of what never was."""

    def __init__(self) -> None:
        super().__init__("there is no lab to go back to: it was never up", hint="lab up both")


def remember(wish: Wish) -> None:
    """Write down what `lab up` asked for."""
    _WISH.write_text(json.dumps(wish._asdict()) + "\n")


def remembered() -> Wish:
    """Return what the latest `lab up` asked for; raises NeverUp."""
    try:
        return Wish(**decode(_WISH.read_text()))
    except (OSError, ValueError, TypeError):
        raise NeverUp from None


def folder() -> Path:
    """Return where the lab that `up` keeps is, or would be."""
    return store.FROZEN / NAME


def forget() -> None:
    """Delete the kept lab. Idempotent."""
    store.frozen().delete(NAME)


def usable(box: Box) -> bool:
    """Return whether the kept state is made of just what a cold boot would be made of now."""
    kept = store.frozen()
    try:
        return NAME in kept.names() and kept.read(NAME).key == _key(box)
    except LabError:
        return False


def keep(topology: Topology, wish: Wish, progress: Progress) -> None:
    """Keep the lab as it is now. That it cannot be kept is a pity, no failure."""
    kept = store.frozen()
    try:
        freeze(topology, kept, NAME, f"right after lab up {wish.mode}", progress)
    except LabError as error:
        forget()
        progress(f"not kept for the next `lab up` and `lab reset`: {error}")


def same(saved: State, wish: Wish, modes: tuple[str, ...]) -> bool:
    """Return whether `saved` runs just what `wish` asks for. modes: what its mode stands for."""
    return saved.modes == modes and saved.profile == wish.profile


def _key(box: Box) -> str:
    return key.fresh(box, settings.load().accel.name)
