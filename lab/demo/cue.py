"""Where a demonstration is, for those who are not at its keyboard.

`lab demo` writes it into a small file: `--resume` goes on there, phones show it, and the stage
plays the recorded step that it names. Beside it is a pipe, through which a phone presses a key. A
process that was killed leaves both, and then nothing reads the pipe.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any, NamedTuple

from lab import files, paths
from lab.terminal import keyboard
from services.core.fields import decode

# What a phone may press, and the key that it is. Nothing that resets the lab.
PRESSES = {"on": "\r", "wait": "w", "recorded": "p"}
_PIPE_BYTES = 4096
_TEXTS = ("mode", "language", "id", "stop", "step", "say", "command", "expect", "then")


class Excerpt(NamedTuple):
    """A part of a recorded run. folder: of its history; both times are by its clock."""

    folder: str
    from_s: float
    to_s: float


class Cue(NamedTuple):
    """What a speaker sees at one moment. id: of this moment; a press names it.

    names: the demonstrations that are still to be played, the one that is played first.
    stop: the step at which the speaker stopped last; "" before the first. step: what is played
    now, or at the next key. then: what to say at the next stop. keys: what can be pressed now.
    missed_s: the deadline that pull missed. recorded: what the stage plays instead of the lab.
    """

    names: tuple[str, ...]
    mode: str
    language: str
    id: str = ""
    stop: str = ""
    step: str = ""
    say: str = ""
    command: str = ""
    expect: str = ""
    then: str = ""
    keys: tuple[str, ...] = ()
    missed_s: float | None = None
    recorded: Excerpt | None = None


class Desk:
    """The desk of a speaker: keys come from the keyboard and from phones, and all see the cue."""

    def __init__(self, cue: Cue, pipe: int) -> None:
        self.cue = cue
        self._pipe = pipe

    def tell(self, **changed: Any) -> None:
        """Change these fields of the cue; it is in the file when this returns."""
        self.cue = self.cue._replace(**{**changed, "id": token_hex(8)})
        files.replace(_file(), json.dumps(self.cue._asdict()) + "\n")

    def key(self) -> str:
        """Return the next key. A press that was made for another moment is none."""
        while (typed := keyboard.key(self._pipe)) is None:
            lines = os.read(self._pipe, _PIPE_BYTES).decode(errors="replace").splitlines()
            for number, _, word in (line.partition(" ") for line in lines):
                if number == self.cue.id and word in self.cue.keys and word in PRESSES:
                    return PRESSES[word]
        return typed


@contextmanager
def desk(cue: Cue) -> Iterator[Desk]:
    """Yield a desk. The file is gone after the block, unless an exception such as Ctrl-C ends it.

    Nothing is written before the first `tell`: until then, what was left behind stays.
    """
    _file().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _pipe().unlink(missing_ok=True)
    os.mkfifo(_pipe(), 0o600)
    # For reading and writing: else it would be at its end whenever no phone has it open.
    pipe = os.open(_pipe(), os.O_RDWR | os.O_NONBLOCK)
    try:
        yield Desk(cue, pipe)
        _file().unlink(missing_ok=True)
    finally:
        os.close(pipe)
        _pipe().unlink(missing_ok=True)


def read() -> Cue | None:
    """Return what the file says; None where there is none, or one that is not ours."""
    try:
        fields = decode(_file().read_text())
        missed_s, at = fields["missed_s"], fields["recorded"]
        return Cue(
            **{key: str(fields[key]) for key in _TEXTS},
            names=tuple(map(str, fields["names"])),
            keys=tuple(map(str, fields["keys"])),
            missed_s=None if missed_s is None else float(missed_s),
            recorded=Excerpt(str(at[0]), float(at[1]), float(at[2])) if at else None,
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError, IndexError):
        return None


def running() -> Cue | None:
    """Return the cue of the demonstration that is played now; None: none is."""
    if (pipe := _open()) is None:
        return None
    os.close(pipe)
    return read()


def press(number: str, word: str) -> None:
    """Press a key of PRESSES at the moment `number`; without effect where that has passed."""
    if (pipe := _open()) is not None:
        try:
            # The demonstration may end at this moment.
            with suppress(BrokenPipeError, BlockingIOError):
                os.write(pipe, f"{number} {word}\n".encode())
        finally:
            os.close(pipe)


def _open() -> int | None:
    """Return the pipe, open for writing; None where no process reads it."""
    try:
        return os.open(_pipe(), os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None


def _file() -> Path:
    return paths.STATE / "demo" / "cue.json"


def _pipe() -> Path:
    return paths.STATE / "demo" / "keys"
