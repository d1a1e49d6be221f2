"""The phone page's server, and a demonstration whose keyboard nobody touches."""

import select
from contextlib import contextmanager, suppress
from urllib.parse import urlencode

from lab import paths
from lab.demo import cue
from lab.demo.cue import Cue
from lab.stage.board import Board
from lab.stage.web.phone import following, make_phone
from lab.stage.web.serving import bind, serving
from lab.terminal import keyboard
from tests.stage.serving import TOKEN

HOST = "127.0.0.1"
CUE = Cue(("self-healing",), "both", "en")
STOP = {
    "stop": "pull the plug",
    "step": "pull the plug",
    "say": "I pull the plug of one machine.",
    "command": "lab chaos cut node1",
    "expect": "push: lost. pull: repaired.",
    "then": "The machine comes back.",
    "keys": ("on",),
}
_PATIENCE_S = 20


@contextmanager
def playing_demo(folder, monkeypatch, *, ends=True):
    """Yield the desk of a demonstration; its `key` is the next press of a phone, or EOFError.

    ends: whether it is played to its end; else Ctrl-C ends it.
    """

    def pressed(pipe):
        if not select.select([pipe], [], [], _PATIENCE_S)[0]:
            raise EOFError

    monkeypatch.setattr(paths, "STATE", folder)
    monkeypatch.setattr(keyboard, "key", pressed)
    with suppress(KeyboardInterrupt), cue.desk(CUE) as desk:
        yield desk
        if not ends:
            raise KeyboardInterrupt


@contextmanager
def phone(lang="en"):
    """Serve the page, and yield its URL and its port."""
    board = Board("p")
    server = bind(make_phone(board, TOKEN, HOST), 0, HOST)
    url = f"http://{HOST}:{server.server_port}/?{urlencode({'token': TOKEN, 'lang': lang})}"
    with serving(server), following(board, url):
        yield url, server.server_port
