"""Run a tool of the host, also as root, and turn its failure into an error with its last words."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from services.core.errors import LabError

_CAUSES = {
    r"No space left on device|Disk quota exceeded": "make room: df -h",
    r"^sudo: .*password": "run `sudo true` in this terminal first, or be root",
    # Not ssh's, which names in parentheses what it tried.
    r"Permission denied(?! \()": "ls -ld shows whose it is, of the file and of each folder above",
}


class ToolFailed(LabError):
    """A command on the host ended with an error."""

    def __init__(self, argv: Sequence[str], code: int, output: str, hint: str = "") -> None:
        tail = "\n".join(output.strip().splitlines()[-8:])
        super().__init__(f"{argv[0]} failed with exit code {code}:\n{tail}", hint=hint)
        self.argv = tuple(argv)
        self.code = code
        self.output = output


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    hint: str = "",
    timeout_s: float | None = None,
    uninterrupted: bool = False,
) -> str:
    """Run `argv` and return its standard output; raises ToolFailed with both streams' end.

    hint: what to do where the output tells no cause that we know. env: added to ours. PATH gets
    the sbin folders, which a user's PATH may lack. uninterrupted: a terminal's Ctrl-C does not
    reach it.
    """
    merged = {**os.environ, **(env or {})}
    merged["LC_ALL"] = "C"  # we read what they print
    merged["PATH"] = f"{merged.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"
    try:
        done = subprocess.run(
            list(argv),
            env=merged,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            start_new_session=uninterrupted,
            check=False,
        )
    except FileNotFoundError:
        raise ToolFailed(
            argv, 127, "command not found", "lab doctor says what to install"
        ) from None
    except subprocess.TimeoutExpired:
        raise ToolFailed(argv, 124, f"no end within {timeout_s:g} s", hint) from None
    if done.returncode:
        said = done.stdout + done.stderr
        raise ToolFailed(argv, done.returncode, said, remedy(said) or hint)
    return done.stdout


def remedy(text: str) -> str:
    """Return what helps against the cause that `text`, an error's, names; empty if it names none.

    It goes before what the caller expected to go wrong.
    """
    return next((remedy for cause, remedy in _CAUSES.items() if re.search(cause, text, re.M)), "")


def sudo() -> list[str]:
    """Return the words before a command that needs root; it never asks. See `check_root`."""
    return [] if os.geteuid() == 0 else ["sudo", "-n"]


def run_as_root(argv: Sequence[str], *, hint: str = "") -> str:
    """Run `argv` as root and return its standard output; raises LabError without rights."""
    check_root()
    return run([*sudo(), *argv], hint=hint)


def check_root() -> None:
    """Return once commands may run as root. In a terminal, sudo may ask for a password first.

    For the start of a command, before anything is touched. Raises LabError.
    """
    if os.geteuid() == 0 or not _refused():
        return
    if sys.stdin.isatty() and shutil.which("sudo"):
        # Not --validate: that asks for a password also where no command needs one.
        subprocess.run(["sudo", "true"], check=False)
    if refusal := _refused():
        raise LabError(
            f"this needs root: {refusal}",
            hint="run `sudo true` in this terminal first, let sudo ask for no password, or be root",
        )


def _refused() -> str:
    """Why sudo does not let us without a question; empty if it does, which renews its memory."""
    try:
        run([*sudo(), "true"])
    except ToolFailed as error:
        return error.output.strip()
    return ""
