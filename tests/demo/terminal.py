"""A terminal of a process, and what a person sees and types there."""

import os
import pty
import subprocess
import sys
import termios
import threading
from contextlib import contextmanager, suppress

from tests.house.repository import ROOT
from tests.waiting import wait_for

_PATIENCE_S = 60


class Terminal:
    """screen: all that was printed so far."""

    def __init__(self, process, ours):
        self.process, self.screen, self._ours = process, "", ours

    def says(self, text):
        """Read until `text` has been printed since the last call; return what came before it."""
        while text not in self.screen:
            try:
                data = os.read(self._ours, 4096)
            except OSError:  # EIO: the process has ended
                data = b""
            assert data, f"no {text!r} in {self.screen!r}"
            self.screen += data.decode()
        before, _, self.screen = self.screen.partition(text)
        return before

    def types(self, keys):
        """Type once a key is awaited: what is typed before that is dropped."""

        def awaited():
            return not termios.tcgetattr(self._ours)[3] & termios.ICANON

        wait_for(awaited, "a key is awaited", timeout_s=_PATIENCE_S)
        os.write(self._ours, keys.encode())

    def close(self):
        """The window is gone: the process gets SIGHUP."""
        os.close(self._ours)
        self._ours = None

    def ends(self):
        """Read what is left, and return the exit code."""
        with suppress(OSError, TypeError):
            while data := os.read(self._ours, 4096):
                self.screen += data.decode()
        return self.process.wait(_PATIENCE_S)


@contextmanager
def terminal(folder, *words, **environment):
    """`lab WORDS...` with doubles, as the foreground process of a terminal of its own."""
    ours, theirs = pty.openpty()
    argv = ["setsid", "--ctty", sys.executable, "-m", "tests.demo.theatre", str(folder), *words]
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "200", **environment}
    with subprocess.Popen(
        argv, cwd=ROOT, env=env, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        late = threading.Timer(_PATIENCE_S, process.kill)
        late.start()
        one = Terminal(process, ours)
        try:
            yield one
        finally:
            late.cancel()
            process.kill()
            with suppress(OSError, TypeError):
                os.close(one._ours)
