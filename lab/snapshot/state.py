"""What a frozen lab is, beside its big files: read from and written to its manifest.json."""

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

from lab import files
from services.core.errors import LabError

FORMAT = 2
MANIFEST = "manifest.json"


class FrozenMachine(NamedTuple):
    """One machine. xml: libvirt's definition of it. notes: Vagrant's files about it, by name.

    running: whether its memory was saved too; a machine that was off has a disk only.
    """

    name: str
    running: bool
    uuid: str
    xml: str
    notes: dict[str, str]


class State(NamedTuple):
    """A frozen lab. key: of all that went into it, see lab.snapshot.key; at_s: Unix time.

    modes, profile: what it ran; answering: those of its APIs that answered. box, box_version: what
    its disks stand on; topology: SHA-256 of topology.json; accel: which accelerator its memory
    belongs to. pause: the secret of the pause in it. secrets: the checkout's keys and
    tokens then, path below .lab -> text. files: name -> (bytes, SHA-256) of each big file.
    """

    note: str
    at_s: float
    key: str
    modes: tuple[str, ...]
    profile: str
    answering: tuple[str, ...]
    box: str
    box_version: str
    topology: str
    accel: str
    pause: str
    machines: tuple[FrozenMachine, ...]
    secrets: dict[str, str]
    files: dict[str, tuple[int, str]]

    @property
    def running(self) -> tuple[str, ...]:
        return tuple(machine.name for machine in self.machines if machine.running)

    @property
    def size(self) -> int:
        """Bytes of all big files."""
        return sum(size for size, _ in self.files.values())


class Damaged(LabError):
    """A frozen lab that is not what was saved."""

    def __init__(self, folder: Path, problem: str, hint: str = "") -> None:
        super().__init__(
            f"{folder.name!r} is damaged: {problem}",
            hint=hint or f"nothing was changed. Delete it and save it again: rm -r {folder}",
        )
        self.folder = folder
        self.problem = problem


def write(folder: Path, state: State) -> None:
    """Write the manifest of `state` into `folder`, whole or not at all."""
    data = {
        "format": FORMAT,
        **state._asdict(),
        "machines": [machine._asdict() for machine in state.machines],
    }
    data["digest"] = _digest(data)
    # It contains keys.
    files.replace(folder / MANIFEST, json.dumps(data, indent=1) + "\n")


def read(folder: Path) -> State:
    """Return the state in `folder`; raises Damaged, or says that another version saved it."""
    try:
        data = json.loads((folder / MANIFEST).read_text())
        if data["format"] != FORMAT:
            raise _other_format(folder, int(data["format"]))
        if data.pop("digest") != _digest(data):
            raise Damaged(folder, f"{MANIFEST} has changed")
        return _parse(data)
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise Damaged(folder, f"no readable {MANIFEST} ({type(error).__name__})") from None


def _other_format(folder: Path, found: int) -> LabError:
    newer = found > FORMAT
    return LabError(
        f"{folder.name!r} was saved by {'a newer' if newer else 'an older'} version of the lab: "
        f"its format is {found}, this version reads {FORMAT}",
        hint="nothing was changed. "
        + ("Update this checkout: git pull" if newer else "Go to it with the version that saved it")
        + ", or save it again here under the same name",
    )


def _parse(data: dict[str, Any]) -> State:
    fields = {name: data[name] for name in State._fields}
    fields["machines"] = tuple(FrozenMachine(**machine) for machine in data["machines"])
    fields |= {name: tuple(data[name]) for name in ("modes", "answering")}
    fields["files"] = {name: (int(s), str(sha)) for name, (s, sha) in data["files"].items()}
    return State(**fields)


def _digest(data: dict[str, Any]) -> str:
    """The SHA-256 of what a manifest says, however it is laid out."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
