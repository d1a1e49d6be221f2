"""Run a build tool, and turn its failure into an error with its last words."""

import os
import subprocess
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
