"""The real page in a real browser, over the real server, of a history that a test writes."""

import secrets
import threading
from contextlib import contextmanager
from urllib.parse import urlencode

from lab.history.history import FILE
from lab.history.record import dump
from lab.stage.board import Board
from lab.stage.opening import playing
from lab.stage.source import Replay, Tail
from lab.stage.web.server import Parts, make_app
from lab.stage.web.serving import bind
from provisioning.host import programs
from tests.browser import tab
from tests.experiment.histories import Made
from tests.stage.made import heard
from tests.waiting import wait_for

PROGRAM = programs.which("chromium-headless-shell")
NEEDED = "it is missing: apt-get install --no-install-recommends chromium-headless-shell"
TOKEN = "t0ken"
PATIENCE_S = 30
MODES = ("push", "pull")


def made(**options):
    """Both modes: `a` on node1, `b` on node2."""
    both = Made(modes=MODES, **options)
    for mode in MODES:
        both.runs(1, "node1", "a", mode=mode).runs(1, "node2", "b", mode=mode)
        both.runs(1, "node3", mode=mode).wanted(1, "a", "b", mode=mode)
        both.claims(2, {"a": "node1", "b": "node2"}, mode=mode)
    return heard(both, 3)


class Playing:
    """Stands in for lab.stage.opening.Opened: one source, without a lab."""

    live = None

    def __init__(self, source):
        self.source = source

    def pick(self):
        return self.source


class Stage:
    """A server of the page, and what it serves. breaks: what the page may break."""

    def __init__(self, source, *, breaks=None, port=0, extra=None, token=TOKEN):
        self.source, self.port = source, port
        self.board = Board(secrets.token_hex(3))
        replay = source if isinstance(source, Replay) else None
        self.app = make_app(Parts(self.board, token, breaks, replay))
        self._playing = playing(Playing(source), self.board, extra or {})

    def __enter__(self):
        self._server = bind(self.app, self.port)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self._playing.__enter__()
        return self

    def __exit__(self, *error):
        self._playing.__exit__(*error)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def url(self, token=TOKEN, **words):
        return f"http://127.0.0.1:{self.port}/?{urlencode({'token': token, **words})}"


class Written:
    """A history that grows on disk, as the recorder's does. stage: what shows it."""

    stage = None

    def __init__(self, folder, made):
        self.folder, self.made = folder, made
        self._count, self._before = 0, ""
        (folder / FILE).touch()
        self.write()

    def write(self):
        """Append the records that were made since the last call."""
        with (self.folder / FILE).open("a") as file:
            for record in self.made.records[self._count :]:
                self._before = dump(record, self._before)
                file.write(f"{self._before}\n")
        self._count = len(self.made.records)

    def source(self):
        return Tail(self.folder)


@contextmanager
def browser(folder):
    """Yield the page of a browser that ends with the block."""
    assert PROGRAM, NEEDED
    with tab(PROGRAM, folder) as one:
        yield Page(one)


class Page:
    """What a test asks of the page."""

    def __init__(self, one):
        self.tab = one
        self.value, self.press = one.value, one.press

    def open(self, url):
        self.tab.open_url(url)

    def media(self, **features):
        """Set what the person prefers: prefers_color_scheme="dark"."""
        wanted = [{"name": k.replace("_", "-"), "value": v} for k, v in features.items()]
        self.tab.call("Emulation.setEmulatedMedia", features=wanted)

    def wait(self, expression, what):
        """Wait until a JavaScript expression is true, and return its value."""
        return wait_for(lambda: self.value(expression), what, timeout_s=PATIENCE_S)

    def text(self, selector):
        """Return what an element says, on one line."""
        one = f"document.querySelector({selector!r})"
        said = self.value(f"{one}?.innerText ?? {one}?.textContent ?? ''")
        return " ".join(said.split())

    def says(self, selector, text):
        """Wait until the element has `text` in it."""
        try:
            wait_for(lambda: text in self.text(selector), "", timeout_s=PATIENCE_S)
        except AssertionError:
            assert self.text(selector) == text, selector

    def blocks(self, mode):
        """Return (name, node, look) of the blocks of a lane."""
        found = self.value(
            f"[...document.querySelectorAll('[data-block^=\"{mode}/\"]')]"
            ".map(b => [b.querySelector('b').textContent, b.dataset.node, b.dataset.look])"
        )
        return sorted(map(tuple, found))

    def shows(self, mode, *blocks):
        """Wait until the lane shows exactly these blocks."""
        expected = sorted(blocks)
        wait_for(
            lambda: self.blocks(mode) == expected,
            f"{mode} shows {expected}, not {self.blocks(mode)}",
            timeout_s=PATIENCE_S,
        )

    def cut(self):
        """Return what does not fit: the page, the text of a part, or a part in its box."""
        return self.value(f"({_CUT})()")


_CUT = """() => {
  const { scrollWidth, scrollHeight } = document.documentElement;
  const stage = document.getElementById("stage");
  const page = scrollWidth > innerWidth || Math.max(scrollHeight, stage.scrollHeight) > innerHeight;
  const parts = [...document.querySelectorAll(
    ".headline p, h1, h2, h3, .fault, .state, .counts, .clock, .lease, .lie, .block b, .word")];
  const long = parts.filter((one) => one.scrollWidth > one.clientWidth + 1
    && getComputedStyle(one).display !== "inline");
  const low = [...document.querySelectorAll(".block")].filter((one) =>
    one.scrollHeight > one.clientHeight + 1);
  const out = [...document.querySelectorAll(".box > *, .block")].filter((one) => {
    const [inner, outer] = [one, one.closest(".box")].map((each) => each.getBoundingClientRect());
    return inner.right > outer.right + 1 || inner.bottom > outer.bottom + 1;
  });
  return [...(page ? [`page ${scrollWidth} x ${scrollHeight}`] : []),
    ...[...long, ...low, ...out].map((one) => `${one.className || one.tagName}: ${one.innerText}`)];
}"""
