"""One `vagrant` command of this checkout, with a time limit and a log."""

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress

from lab import paths
from provisioning.run import ToolFailed

# Not scaled: somebody waits at a terminal, and the next run clears up what this one could not.
_CLEAN_UP_S = 8


def vagrant(words: Sequence[str], *, timeout_s: float) -> None:
    """Run `vagrant` with `words`; raises ToolFailed with the end of its log."""
    paths.LOGS.mkdir(parents=True, exist_ok=True)
    log = paths.LOGS / "vagrant.log"
    environment = {
        **os.environ,
        "VAGRANT_CHECKPOINT_DISABLE": "1",
        "VAGRANT_DEFAULT_PROVIDER": "libvirt",
        "VAGRANT_CWD": str(paths.ROOT),
    }
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(
                ["vagrant", *words, "--no-color"],
                env=environment,
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
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            code = 124
        finally:
            _end(process)
    if code:
        text = log.read_text(errors="replace")
        raise ToolFailed(["vagrant", *words], code, text, f"the whole log: {log}; then: lab up")


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
