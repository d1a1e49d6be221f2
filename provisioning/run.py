"""Run a build tool, and turn its failure into an error with its last words."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from services.core.errors import LabError


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

    env: added to ours. PATH gets the sbin folders, which a user's PATH may lack. uninterrupted:
    a terminal's Ctrl-C does not reach it.
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
        raise ToolFailed(argv, done.returncode, done.stdout + done.stderr, hint)
    return done.stdout


def check_root() -> None:
    """Return if this process may act as root, by itself or by sudo; raises LabError otherwise.

    sudo may ask for the password where there is a terminal.
    """
    if os.geteuid() == 0:
        return
    ask = [["sudo", "-n", "true"]] + ([["sudo", "-v"]] if sys.stdin.isatty() else [])
    if not any(subprocess.run(words, check=False).returncode == 0 for words in ask):
        raise LabError("this needs root, and sudo asks for a password", hint="sudo -v, then again")
