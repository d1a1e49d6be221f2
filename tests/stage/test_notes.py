"""What a recording of our own says of wishes and faults, beside what the machines say."""

import json
import threading
from types import SimpleNamespace

import pytest

from lab import paths
from lab.faults import ledger
from lab.faults.ledger import Hurt
from lab.history.history import Writer, read
from lab.machines import remote
from lab.planes import orders
from lab.planes.orders import Order
from lab.stage import notes as module
from lab.stage.notes import Notes, PushOrders, ordered
from provisioning import topology

API = topology.load().api


class Lab:
    """A recording under way; what the APIs say last is what a test says."""

    def __init__(self, folder):
        self.writer = Writer(folder)
        self.folder = folder
        self.claims = {mode: SimpleNamespace(latest=claim(ok=False)) for mode in ("push", "pull")}
        self.pushed = PushOrders(API)
        self.notes = Notes(self, self.pushed)

    def said(self, kind):
        self.notes.look()
        return [dict(record.fields) for record in read(self.folder).records if record.kind == kind]

    def wanted(self, mode):
        return [one["names"] for one in self.said("wanted") if one["mode"] == mode]


def claim(*names, ok=True):
    return {"ok": ok, "containers": [[name, "node1"] for name in names]}


@pytest.fixture
def lab(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "STATE", tmp_path / "state")
    found = Lab(tmp_path)
    with found.writer:
        yield found


def test_of_pull_what_its_api_lists_is_wanted(lab):
    assert lab.wanted("pull") == []
    lab.claims["pull"].latest = claim("b", "a")
    assert lab.wanted("pull") == [["a", "b"]]
    lab.claims["pull"].latest = claim(ok=False)
    assert lab.wanted("pull") == [["a", "b"]]
    lab.claims["pull"].latest = claim()
    assert lab.wanted("pull") == [["a", "b"], []]


def test_of_push_what_ran_first_is_wanted_and_what_was_ordered_since(lab):
    assert lab.wanted("push") == []
    lab.claims["push"].latest = claim("old")
    assert lab.wanted("push") == [["old"]]
    lab.pushed.heard.append(Order("web", start=True, done=True))
    # That it lists less says nothing about what was ordered.
    lab.claims["push"].latest = claim()
    assert lab.wanted("push") == [["old"], ["old", "web"]]


def test_an_order_from_before_the_recording_is_none_of_it(tmp_path):
    pushed = PushOrders(API)
    pushed.heard.append(Order("before", start=True, done=True))
    recording = SimpleNamespace(claims={"push": SimpleNamespace(latest=claim())})
    said: list = []
    recording.writer = SimpleNamespace(put=lambda kind, **fields: said.append(fields["names"]))
    Notes(recording, pushed).look()
    assert said == [[]]


@pytest.mark.parametrize(
    ("log", "wanted"),
    [
        (["start web: started on node1"], ["web"]),
        (["start web: already_running on node1"], ["web"]),
        (["start web: cannot reach node 'node1': no route"], []),
        (["start web: started on node1", "stop web: stopped on node1"], []),
        # Of one that was lost: it does not run, and is not wanted any more.
        (["start web: started on node1", "stop web: container 'web' does not run"], []),
        (["stop web: stopped on node1", "start web: started on node2"], ["web"]),
        (["something else: started on node1", "restart web: started on node1"], []),
    ],
)
def test_an_order_counts_when_it_was_carried_out(log, wanted):
    heard = [order for order in map(orders.read, log) if order]
    assert ordered([], heard) == wanted


def test_the_log_of_push_is_followed_and_after_a_silence_read_on_where_it_was(monkeypatch):
    asked: list = []
    over = threading.Event()

    def line(number, text):
        entry = {"__CURSOR": f"c{number}", "MESSAGE": text}
        return json.dumps(entry)

    answers = [
        (255, []),
        (0, [line(1, "start a: started on node1"), "no JSON", line(2, "something else")]),
        (255, [line(3, "stop a: stopped on node1")]),
        # A machine that was thawed does not know that place.
        (1, []),
        (255, [line(9, "start b: started on node1")]),
    ]

    def stream(_machine, argv, take, *, quiet):
        asked.append(argv[-1])
        code, lines = answers[len(asked) - 1]
        for one in lines:
            take(one)
        if len(asked) == len(answers):
            over.set()
        return code

    monkeypatch.setattr(remote, "stream", stream)
    monkeypatch.setattr(module, "_AGAIN_S", 0.001)
    pushed = PushOrders(API)
    pushed.run(over)
    after = "--after-cursor=c"
    assert asked == ["--lines=0", "--lines=0", f"{after}2", f"{after}3", "--lines=0"]
    assert [(order.name, order.start) for order in pushed.heard] == [
        ("a", True),
        ("a", False),
        ("b", True),
    ]


def test_a_fault_of_the_ledger_is_recorded_from_its_beginning_to_its_end(lab):
    hurt = Hurt("ab12", "cut", "node1", {}, 1, (), (), ledger.now(), None)
    ledger.write(hurt)
    assert lab.said("fault") == [
        {
            "id": "ab12",
            "fault": "cut",
            "target": "node1",
            "phase": "acting",
            "command": "lab chaos cut node1",
            "evidence": "the ledger",
        }
    ]
    ledger.remove("ab12")
    assert [one["phase"] for one in lab.said("fault")] == ["acting", "healed"]


@pytest.mark.parametrize("began", ["2020-01-01T00:00:00+00:00", "2999-01-01T00:00:00+00:00", "x"])
def test_a_fault_that_began_at_another_time_is_still_within_the_run(lab, began):
    ledger.write(Hurt("ab12", "no-such", "node1", {}, 1, (), (), began, None))
    lab.notes.look()
    (record,) = read(lab.folder).of("fault")
    assert 0 <= record.at_s <= lab.writer.now_s()
    assert record.fields["command"] == "lab chaos no-such node1"
