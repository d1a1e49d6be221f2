"""What the agent believes, against real servers on loopback that say what they should not."""

import os
import time

import pytest
from bottle import Bottle, HTTPResponse, request

from services.agent.client import NodeClient
from services.core import wire
from services.core.follow import EMPTY_STORE
from services.core.lease import may_run
from services.core.model import Assignment, Container, UnitState
from tests.agent.fake_lab import NotedPlane
from tests.serving import serving, unused_port

AB = Assignment("e", 5, (Container("a"), Container("b", "nginx")))
WANTED = may_run(AB, "")
NOTHING = WANTED._replace(containers=None, revision=0)
BARE = {"containers": ["a"], "revision": 9, "epoch": "e"}


class Server:
    """Answers every heartbeat with `beat`, and remembers what it was sent."""

    def __init__(self) -> None:
        self.beat: object = wire.dump_beat(AB)
        self.assignment: object = wire.dump_assignment(AB)
        self.reports: list[object] = []
        self.app = Bottle()
        self.app.post("/api/nodes/node1/heartbeat", callback=self._beat)
        self.app.get("/api/containers", callback=lambda: self.assignment)

    def _beat(self) -> object:
        self.reports.append(request.json)
        return self.beat


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def plane(server, tmp_path):
    """plane(address) -> the plane of one pass, with everything before it still on disk."""
    with serving(server.app) as (address,):

        def plane(at=address):
            return NotedPlane(NodeClient("node1", at, timeout_s=5), tmp_path)

        yield plane


@pytest.fixture
def nobody():
    return ("127.0.0.1", unused_port())


def test_it_follows_what_it_is_told(plane):
    assert plane().desired({}) == WANTED


def test_it_reports_what_it_saw_and_under_which_revision(plane, server):
    plane().desired({})
    observed = {"a": UnitState("demo", ready=True), "No-Label": UnitState("demo", ready=True)}
    plane().desired(observed)
    first, second = server.reports
    assert 0 < first.pop("uptime_s") <= second.pop("uptime_s")
    assert first == {"revision": 0, "boot": "", "epoch": "", "running": []}
    assert second == {
        "revision": 5,
        "boot": "",
        "epoch": "e",
        "running": [{"name": "a", "image": "demo", "ready": True, "created": 0}],
    }


def test_a_server_that_sends_nothing_along_is_asked(plane, server):
    server.beat = {"status": "ok"}
    assert plane().desired({}) == WANTED


def test_without_a_server_and_without_a_memory_it_knows_nothing(plane, nobody):
    assert plane(nobody).desired({}) == NOTHING._replace(outage="API unreachable")


def test_without_a_server_it_believes_what_it_was_told_last(plane, nobody, tmp_path):
    plane().desired({})
    os.utime(tmp_path / "desired.json", (0, 43_390))
    since = time.strftime("%H:%M:%S", time.localtime(43_390))
    assert plane(nobody).desired({}) == WANTED._replace(outage="API unreachable", since=since)


def test_the_time_of_the_memory_is_when_it_was_last_confirmed(plane, tmp_path):
    plane().desired({})
    os.utime(tmp_path / "desired.json", (0, 0))
    plane().desired({})
    assert (tmp_path / "desired.json").stat().st_mtime > 0


@pytest.mark.parametrize(
    ("beat", "outage"),
    [
        pytest.param(
            wire.dump_beat(AB._replace(revision=4, containers=())),
            "API answered revision 4, older than 5",
            id="an older answer",
        ),
        pytest.param(
            wire.dump_beat(Assignment("new", 0, ())),
            EMPTY_STORE,
            id="a new store without a word in it",
        ),
        pytest.param({"assignment": {}}, "API answered nonsense", id="half an assignment"),
        pytest.param({"assignment": None}, "API answered nonsense", id="no assignment"),
        pytest.param(
            {"assignment": BARE | {"containers": ["../../etc"]}},
            "API answered nonsense: container name '../../etc'",
            id="a name that would become a path",
        ),
        pytest.param(
            {"assignment": BARE | {"images": {"a": "sh"}}},
            "API answered nonsense: unknown image 'sh'",
            id="an image that is not in the catalogue",
        ),
        pytest.param("a page of a hotel's Wi-Fi", "API answered nonsense", id="not JSON"),
        pytest.param("[" * 100_000, "API answered nonsense", id="JSON that is nested too deeply"),
        pytest.param([], "API answered nonsense", id="not an object"),
    ],
)
def test_an_answer_that_is_not_to_be_believed_leaves_what_was(plane, server, beat, outage):
    plane().desired({})
    server.beat = HTTPResponse("[]") if beat == [] else beat
    for _ in range(2):
        answer = plane().desired({})
        assert answer._replace(outage="", since="") == WANTED
        assert answer.outage.startswith(outage)


def test_a_refusal_leaves_what_was_and_says_why(plane, server):
    plane().desired({})
    server.beat = HTTPResponse({"error": "no space left"}, status=503)
    answer = plane().desired({})
    assert (answer.containers, answer.outage) == (
        WANTED.containers,
        "API answered 503: no space left",
    )


@pytest.mark.parametrize(
    "newer",
    [
        pytest.param(Assignment("e", 6, ()), id="an empty one of a newer revision"),
        pytest.param(Assignment("new", 1, ()), id="one of a new store that knows something"),
    ],
)
def test_an_answer_that_is_meant_is_followed_and_kept(plane, server, nobody, newer):
    plane().desired({})
    server.beat = wire.dump_beat(newer)
    assert plane().desired({}) == may_run(newer, "")
    assert plane(nobody).desired({}).revision == newer.revision
