"""What an agent may show the server, and until when it may run what must never run twice."""

import pytest

from services.agent.plane import Plane
from services.core.lease import NEVER_HEARD
from services.core.model import STOP, Assignment, Container
from tests.agent.server import StateServer
from tests.serving import unused_port

SAFE = Assignment("e", 5, (Container("s", on_disconnect=STOP),), lease_s=3.0)


@pytest.fixture
def server():
    return StateServer(SAFE)


@pytest.fixture
def plane(server, tmp_path):
    """plane(boot, at) -> the plane of one pass; its clock is plane.now_s."""
    with server.serving() as address:

        def plane(boot="boot1", at=address):
            told: list[str] = []
            made = Plane(
                "node1", at, str(tmp_path), timeout_s=5, complain=told.append, run=str(tmp_path),
                token_path=str(tmp_path / "token"), boot=boot, now_s=lambda: plane.now_s,
            )  # fmt: skip
            made.told = told
            return made

        plane.now_s = 100.0
        yield plane


def test_before_anybody_answered_nothing_may_run_that_must_not_run_twice(plane):
    assert plane().cut_off() == NEVER_HEARD


def test_a_lease_outlives_a_pass(plane):
    plane().ask({})
    plane.now_s += 2.9
    assert plane().cut_off() == ""
    plane.now_s += 0.5
    assert plane().cut_off() == "cut off for 3.4 s, lease 3 s, on_disconnect stop"


def test_a_lease_counts_from_when_the_question_was_sent(plane, server):
    def late(*arguments):
        plane.now_s += 2.0  # while the answer is on its way
        return answer(*arguments)

    answer, server.reply = server.reply, late
    asked = plane()
    asked.ask({})
    assert asked.cut_off() == ""
    plane.now_s += 1.1
    assert asked.cut_off()


def test_a_lease_of_another_boot_is_none(plane):
    plane().ask({})
    plane.now_s = 100.5
    assert plane("boot2").cut_off() == NEVER_HEARD


@pytest.mark.parametrize("content", ["", "boot1 1", "boot1 x 3", "\xff", "boot1 1 2 3"])
def test_a_spoiled_lease_is_none(plane, tmp_path, content):
    plane().ask({})
    (tmp_path / "lease").write_text(content, encoding="latin-1")
    assert plane().cut_off() == NEVER_HEARD


def test_a_lease_that_cannot_be_kept_is_told_once_and_holds_in_its_pass(plane, tmp_path):
    (tmp_path / "lease.new").mkdir()
    full = plane()
    full.ask({})
    full.ask({})
    assert full.cut_off() == ""
    (line,) = full.told
    assert line.startswith("cannot remember the lease for the next pass: ")


@pytest.mark.parametrize(
    "refusal",
    [
        pytest.param((503, {"error": "no space left"}), id="a refusal"),
        pytest.param((200, {"assignment": {}}), id="nonsense"),
        pytest.param((200, {"assignment": {"containers": [], "revision": 4, "epoch": "e"}}),
                     id="an older assignment"),
        pytest.param((200, {"assignment": {"containers": [], "revision": 0, "epoch": "f"}}),
                     id="a new store without a word in it"),
    ],
)  # fmt: skip
def test_an_answer_that_is_not_followed_gives_no_lease(plane, server, refusal):
    asked = plane()
    asked.ask({})
    server.refusals["heartbeat"] = refusal
    plane.now_s += 3.0
    assert asked.ask({}).assignment == SAFE
    assert asked.cut_off()
    assert plane().cut_off()


def test_an_answer_to_an_earlier_question_shortens_no_lease(plane):
    asked = plane()
    asked.ask({})
    asked.confirm(99.0)
    plane.now_s += 2.9
    assert asked.cut_off() == ""


def test_what_asked_to_stop_is_remembered(plane):
    plane().ask({})
    assert plane(at=("127.0.0.1", unused_port())).ask({}).assignment == SAFE


def test_a_token_is_shown_and_one_that_was_replaced_is_read_again(plane, server, tmp_path):
    (tmp_path / "token").write_text("old\n")
    server.tokens = {"old", "new"}
    asked = plane()
    asked.ask({})
    (tmp_path / "token").write_text("new\n")
    server.tokens = {"new"}
    assert asked.ask({}).outage == ""
    shown = [headers["Authorization"] for headers in server.headers]
    assert shown == ["Bearer old", "Bearer old", "Bearer new"]


def test_without_a_token_none_is_shown_and_a_no_is_no_outage_of_the_network(plane, server):
    server.tokens = {"x"}
    answer = plane().ask({})
    assert "Authorization" not in server.headers[0]
    assert answer.outage == "API answered 401: who are you? (lab token rotate)"
    assert len(server.headers) == 1


def test_a_report_says_which_boot_it_is(plane, server):
    plane("b946fb42").ask({})
    assert server.reports()[0]["boot"] == "b946fb42"


def test_only_who_is_not_known_asks_twice(plane, server, tmp_path):
    (tmp_path / "token").write_text("old\n")
    asked = plane()
    (tmp_path / "token").write_text("new\n")
    server.refusals["heartbeat"] = (403, {"error": "not yours", "hint": "be node2"})
    assert asked.ask({}).outage == "API answered 403: not yours (be node2)"
    assert len(server.headers) == 1
