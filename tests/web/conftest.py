import pytest

from services.core.address import Address
from services.core.errors import LabError
from services.web import add_metrics, add_ready, make_bottle, note, read_json, refusal
from services.web.metrics import Metrics
from tests.logs import json_log
from tests.serving import Client, serving


class Teapot(LabError):
    """An error of which only this app knows the status."""

    node = "node1"


class Kettle(Teapot):
    """An error that no app names; it is a kind of one that it does."""


class Api:
    """A small app as both APIs build theirs, on a real server, with what it counts."""

    # Of its server, while there is one.
    address: Address
    call: Client

    def __init__(self):
        self.metrics = Metrics("test")
        self.trouble = None
        self.scrapes = []
        self.app = make_bottle({Teapot: 418}, hint="try /things", metrics=self.metrics)
        self._add_routes()

    def _add_routes(self):
        add_metrics(self.app, self.metrics, refresh=lambda: self.scrapes.append(1))
        add_ready(self.app, self._check)
        self.app.get("/things/<name>", callback=lambda name: {"name": name})
        self.app.post("/things", callback=lambda: {"got": read_json()})
        self.app.get("/bug", callback=lambda: dict[str, str]()["nothing"])
        self.app.get("/teapot", callback=self._teapot)
        self.app.get("/kettle", callback=self._kettle)
        self.app.get("/secret", callback=self._secret)
        self.app.get("/noted", callback=lambda: note(node="node2"))

    def _check(self):
        if self.trouble:
            raise self.trouble

    def _secret(self):
        raise refusal(401, "no token", "send one", WWW_Authenticate="Bearer")

    def _teapot(self):
        raise Teapot("short and stout", hint="tip it over")

    def _kettle(self):
        raise Kettle("no spout", hint="lift it")


@pytest.fixture
def log():
    """What the services log."""
    with json_log() as lines:
        yield lines


@pytest.fixture
def api():
    """An Api whose `call` is a client of its server; `address` is for raw sockets."""
    made = Api()
    with serving(made.app, metrics=made.metrics) as [address]:
        made.address = address
        made.call = Client(address)
        yield made
        made.call.close()
