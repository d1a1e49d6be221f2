"""What APIs claim, and what machines do, is written when it changes."""

import threading
from types import SimpleNamespace

import pytest

from lab.history import claims, machines
from lab.history.claims import EMPTY, Claims
from lab.history.history import Writer, read
from lab.history.machines import States
from lab.machines import power
from provisioning import topology
from provisioning.run import ToolFailed
from services.core.errors import ApiRefused, ApiUnreachable
from services.core.model import Event


def records(folder, kind):
    return [record.fields for record in read(folder).of(kind)]


@pytest.fixture
def writer(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "deadline_s", lambda seconds: seconds)
    with Writer(tmp_path) as found:
        yield found


def look(writer, folder, said, times=1):
    """Ask so often an API that says the values of `said` in turn, raising errors among them."""
    left = iter(said)

    def ask():
        value = next(left)
        if isinstance(value, Exception):
            raise value
        return value

    asked = Claims("pull", ask, writer)
    for _ in range(times):
        asked.look()
    return records(folder, "claims")


def test_an_answer_is_written_when_it_is_another_one(writer, tmp_path):
    one = {**EMPTY, "ok": True, "containers": [["web", "node1"]]}
    other = {**one, "containers": [["web", None]]}
    found = look(writer, tmp_path, [one, one, other, other], 4)
    assert [fields["containers"] for fields in found] == [[["web", "node1"]], [["web", None]]]


def test_an_unchanged_answer_is_written_again_after_a_while(writer, tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "_AGAIN_S", 0.0)
    assert len(look(writer, tmp_path, [EMPTY | {"ok": True}] * 3, 3)) == 3


def test_an_api_that_does_not_answer_claims_nothing_and_says_why(writer, tmp_path):
    said = [ApiUnreachable("http://x", "refused"), ApiRefused("http://x", 503, "full", "")]
    found = look(writer, tmp_path, said, 2)
    assert [fields["ok"] for fields in found] == [False, False]
    assert "refused" in found[0]["error"]
    assert found[1]["error"].startswith("it answered, but")


def test_another_answer_became_true_at_some_time_since_the_question_before(writer, tmp_path):
    left = iter([EMPTY | {"ok": True}, EMPTY | {"ok": True}, EMPTY])
    asked = Claims("pull", lambda: next(left), writer)
    asked.look()
    asked.look()
    second_s = asked.asked_s
    asked.look()
    *_, last = read(tmp_path).of("claims")
    assert last.at_s - last.error_s == pytest.approx(second_s, abs=1e-3)
    assert second_s <= last.at_s + last.error_s + 1e-3
    assert last.at_s + last.error_s <= writer.now_s() + 1e-3


def test_an_api_is_not_asked_while_its_turn_is_taken(writer):
    over, asked = threading.Event(), threading.Event()

    def ask():
        asked.set()
        over.set()
        return EMPTY

    one = Claims("push", ask, writer)
    loop = threading.Thread(target=one.run, args=[over])
    with one.turn:
        loop.start()
        loop.join(0.05)
        assert not asked.is_set()
    loop.join(5)
    assert asked.is_set()


def test_an_api_that_somebody_waits_for_is_asked_at_once(writer, monkeypatch):
    monkeypatch.setattr(claims, "_EVERY_S", {"push": 60.0})
    monkeypatch.setattr(claims, "_AGAIN_S", 60.0)
    over, asked = threading.Event(), []

    def ask():
        asked.append(writer.now_s())
        (over.set if len(asked) == 2 else one.hurry)()
        return EMPTY

    one = Claims("push", ask, writer)
    one.run(over)
    assert asked[1] - asked[0] < 30


def test_events_from_now_on_are_written_and_a_silent_api_is_asked_again(
    writer, tmp_path, monkeypatch
):
    monkeypatch.setattr(claims, "_FAILED_S", 0.01)
    over = threading.Event()
    events = [
        Event(8, "", 1.0, "placed", "web", "node1", "least loaded"),
        Event(9, "", 1.0, "node-down", "node2", "", "silent"),
    ]
    answers = iter([ApiUnreachable("x", "no"), SimpleNamespace(revision=7, events=[])])

    def ask(since, *, wait_s=0.0):
        if since == 0:
            answer = next(answers)
            if isinstance(answer, Exception):
                raise answer
            return answer
        over.set()
        assert since == 7
        return SimpleNamespace(revision=9, events=events)

    claims.follow_events(SimpleNamespace(events=ask), writer, over)
    found = records(tmp_path, "event")
    assert [(f["type"], f["container"], f["node"]) for f in found] == [
        ("placed", "web", "node1"),
        ("node-down", "", "node2"),
    ]


def test_a_machine_changed_at_some_time_between_two_looks(writer, tmp_path, monkeypatch):
    said = iter([{"node1": "running"}, {"node1": "running"}, {"node1": "off"}])
    monkeypatch.setattr(power, "machine_states", lambda *_, **__: next(said))
    states = States(topology.load(), writer)
    states.look()
    states.look()
    second_s = states.looked_s
    states.look()
    first, change = read(tmp_path).of("machine")
    assert (first.at_s, first.fields["state"]) == (0.0, "running")
    assert change.fields["state"] == "off"
    assert change.at_s - change.error_s == pytest.approx(second_s, abs=1e-3)
    assert states.latest == {"node1": "off"}


def test_a_silent_libvirt_makes_the_range_wider_and_ends_nothing(writer, tmp_path, monkeypatch):
    monkeypatch.setattr(machines, "_EVERY_S", 0.001)
    over = threading.Event()
    said = [{"node1": "running"}, ToolFailed(["virsh"], 1, "silent"), {"node1": "paused"}]

    def ask(*_, **__):
        answer = said.pop(0)
        if not said:
            over.set()
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(power, "machine_states", ask)
    States(topology.load(), writer).run(over)
    assert [fields["state"] for fields in records(tmp_path, "machine")] == ["running", "paused"]
