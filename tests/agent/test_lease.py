"""What an agent may show the server, and until when it may run what must never run twice."""

import pytest

from services.agent.client import NodeClient
from services.agent.local_state import NOT_ASKED
from services.core.lease import NEVER_HEARD, Moment
from services.core.model import STOP, Assignment, Container, UnitState
from services.core.reconcile import reconcile
from tests.agent.fake_lab import NotedPlane
from tests.agent.server import StateServer
from tests.serving import unused_port

SAFE = Assignment("e", 5, (Container("s", on_disconnect=STOP),), lease_s=3.0)
RUNS = {"s": UnitState("demo", ready=True)}


def withheld(plane):
    """Why `s` must not run now; "" if it may."""
    return plane.local.desired().withheld.get("s", "")


@pytest.fixture
def server():
    return StateServer(SAFE)


class Passes:
    """passes(boot, at) -> the plane of one pass; its clock is now_s."""

    def __init__(self, address, folder):
        self.now_s, self.world_s = 100.0, 2_000_000_000
        self._address, self._folder = address, folder

    def __call__(self, boot="boot1", at=None):
        address, token = at or self._address, str(self._folder / "token")
        client = NodeClient("node1", address, timeout_s=5, token_path=token, boot=boot)
        clocks = {"now_s": lambda: self.now_s, "world_s": lambda: self.world_s}
        return NotedPlane(client, self._folder, boot, **clocks)


@pytest.fixture
def plane(server, tmp_path):
    with server.serving() as address:
        yield Passes(address, tmp_path)


def test_after_a_reboot_nothing_may_run_that_must_not_run_twice_before_the_server_answered(plane):
    plane().desired({})
    assert withheld(plane("boot2")) == NEVER_HEARD


def test_what_the_lease_ran_out_for_is_stopped_before_the_server_is_asked(plane, server):
    plane().desired(RUNS)
    plane.now_s += 3.4
    requests = len(server.requests)
    late = plane()
    observed = RUNS | {"fake": UnitState("nginx", ready=True)}
    urgent = late.desired(observed)
    # Everything else can wait for the answer.
    assert {task.container.name for task in reconcile(urgent, observed)} == {"s"}
    assert urgent.outage == NOT_ASKED
    assert (len(server.requests), late.wait(False)) == (requests, True)
    # Also where systemd refused to stop it: the question comes all the same, and renews the lease.
    assert late.desired(observed).withheld == {}
    assert (len(server.requests), late.wait(False)) == (requests + 1, False)


def test_a_lease_outlives_a_pass(plane):
    plane().desired({})
    plane.now_s += 2.9
    assert withheld(plane()) == ""
    plane.now_s += 0.5
    assert withheld(plane()) == "cut off for 3.4 s, lease 3 s, on_disconnect stop"


def test_a_lease_counts_from_when_the_question_was_sent(plane, server):
    def late(*arguments):
        plane.now_s += 2.0  # while the answer is on its way
        return answer(*arguments)

    answer, server.reply = server.reply, late
    asked = plane()
    asked.desired({})
    assert withheld(asked) == ""
    plane.now_s += 1.1
    assert withheld(asked)


def test_a_machine_that_was_paused_notices_it_at_the_first_look(plane, server):
    """P9: its own clock stood still; the one that a battery drives did not."""
    asked = plane()
    asked.desired(RUNS)
    plane.now_s += 0.1
    plane.world_s += 30
    requests = len(server.requests)
    assert withheld(asked).startswith("cut off for 29.0 s")
    late = plane()
    assert reconcile(late.desired(RUNS), RUNS)[0].container.name == "s"
    assert len(server.requests) == requests, "it asked before it stopped anything"
    late.desired({})
    assert withheld(late) == ""


def test_a_lease_of_another_boot_is_none(plane):
    plane().desired({})
    plane.now_s = 100.5
    assert withheld(plane("boot2")) == NEVER_HEARD


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\xff",
        "boot1 1 3",
        "[]",
        "7",
        '["boot1", [1, 2], 3, "e"]',
        '["boot1", [1], 3, "e", 5]',
        '["boot1", ["x", 2], 3, "e", 5]',
        '["boot1", [1, 2], 3, "e", 5, 6]',
    ],
)
def test_a_spoiled_lease_is_none(plane, tmp_path, content):
    plane().desired({})
    (tmp_path / "lease").write_text(content, encoding="latin-1")
    assert withheld(plane()) == NEVER_HEARD


def test_a_lease_that_cannot_be_kept_is_told_once_and_holds_in_its_pass(plane, tmp_path):
    (tmp_path / "lease.new").mkdir()
    full = plane()
    full.desired({})
    full.desired({})
    assert withheld(full) == ""
    (line,) = full.told
    assert line.startswith("cannot remember the lease for the next run: ")


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
    asked.desired({})
    server.refusals["heartbeat"] = refusal
    plane.now_s += 3.0
    assert asked.desired({}).revision == SAFE.revision
    assert withheld(asked)
    assert withheld(plane())


def test_an_answer_to_an_earlier_question_shortens_no_lease(plane):
    asked = plane()
    asked.desired({})
    asked.local.confirm(Moment(99.0))
    plane.now_s += 2.9
    assert withheld(asked) == ""


def test_what_asked_to_stop_is_remembered(plane):
    plane().desired({})
    assert plane(at=("127.0.0.1", unused_port())).desired({}).revision == SAFE.revision


def test_a_token_is_shown_and_one_that_was_replaced_is_read_again(plane, server, tmp_path):
    (tmp_path / "token").write_text("old\n")
    server.tokens = {"old", "new"}
    asked = plane()
    asked.desired({})
    (tmp_path / "token").write_text("new\n")
    server.tokens = {"new"}
    assert asked.desired({}).outage == ""
    shown = [headers["Authorization"] for headers in server.headers]
    assert shown == ["Bearer old", "Bearer old", "Bearer new"]


def test_without_a_token_none_is_shown_and_a_no_is_no_outage_of_the_network(plane, server):
    server.tokens = {"x"}
    answer = plane().desired({})
    assert "Authorization" not in server.headers[0]
    assert answer.outage == "API answered 401: who are you? (lab token rotate)"
    assert len(server.headers) == 1


def test_a_report_says_which_boot_it_is(plane, server):
    plane("b946fb42").desired({})
    assert server.reports()[0]["boot"] == "b946fb42"


def test_only_who_is_not_known_asks_twice(plane, server, tmp_path):
    (tmp_path / "token").write_text("old\n")
    asked = plane()
    (tmp_path / "token").write_text("new\n")
    server.refusals["heartbeat"] = (403, {"error": "not yours", "hint": "be node2"})
    assert asked.desired({}).outage == "API answered 403: not yours (be node2)"
    assert len(server.headers) == 1
