"""One `vagrant` command of this checkout, with a time limit and a log."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from lab import paths
from provisioning.run import ToolFailed

# Not scaled: a user waits at the terminal, and the next run clears up what this one could not.
_CLEAN_UP_S = 8


def vagrant(
    words: Sequence[str],
    *,
    timeout_s: float,
    environment: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> None:
    """Run `vagrant` with `words`; raises ToolFailed with the end of its log.

    environment: in place of what makes it a command of this checkout. log: in place of its own.
    """
    log = log or paths.LOGS / "vagrant.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    code = _run(words, timeout_s, environment or {"VAGRANT_CWD": str(paths.ROOT)}, log)
    if code:
        text = log.read_text(errors="replace")
        raise ToolFailed(["vagrant", *words], code, text, f"the whole log: {log}; then: lab up")


def _run(words: Sequence[str], timeout_s: float, more: Mapping[str, str], log: Path) -> int:
    """Run it and return its exit code; 124 when time ran out."""
    environment = {"VAGRANT_CHECKPOINT_DISABLE": "1", "VAGRANT_DEFAULT_PROVIDER": "libvirt", **more}
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(
                # It ends with us, even where we are killed: what it has made by then is found.
                ["setpriv", "--pdeathsig", "KILL", "vagrant", *words, "--no-color"],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                # To a file: the upload of the box prints a line per megabyte.
                stdout=output,
                stderr=output,
                # Of its own: at a second Ctrl-C Vagrant drops everything where it stands.
                start_new_session=True,
            )
        except FileNotFoundError:
            raise ToolFailed(["vagrant"], 127, "command not found", "lab doctor --fix") from None
        try:
            return process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return 124
        finally:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Let Vagrant clean up if it still runs, for a moment; then end it and its children."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_CLEAN_UP_S)
        finally:  # also at a second Ctrl-C
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
