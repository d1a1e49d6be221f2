"""What a recorder says becomes records on the host's clock, and what it cannot say is named."""

import threading
from types import SimpleNamespace

import pytest

from lab.history import guests
from lab.history.guests import Follower
from lab.history.history import Writer, read
from lab.machines import remote
from tests.history.guest import AHEAD_S, NODE, Guest
from tests.waiting import wait_for


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A guest that is followed; stopped at the end, with the history that came of it."""
    monkeypatch.setattr(guests, "_PING_S", 0.05)
    monkeypatch.setattr(guests, "_AGAIN_S", 0.05)
    monkeypatch.setattr(guests, "deadline_s", lambda seconds: seconds)
    with Writer(tmp_path) as writer:
        guest = Guest(writer)
        monkeypatch.setattr(remote, "channel", guest.channel)
        states = SimpleNamespace(latest={"node1": "running"}, paused_s={})
        follower = Follower(NODE, writer, states)
        over = threading.Event()
        thread = threading.Thread(target=follower.run, args=(over,))

        def records(kind):
            return list(read(tmp_path).of(kind))

        def until(what):
            return wait_for(what, "the record is there", timeout_s=20)

        yield SimpleNamespace(
            guest=guest, follower=follower, start=thread.start, records=records, until=until
        )
        over.set()
        thread.join(20)
        assert not thread.is_alive()


def runs(lab):
    return [record.fields["containers"] for record in lab.records("runs")]


def test_what_happens_is_placed_on_our_clock_with_its_error(lab):
    lab.guest.happen([])
    lab.start()
    lab.until(lambda: lab.records("looked"))
    before_s = lab.guest.writer.now_s()
    lab.guest.happen(["web"])
    after_s = lab.guest.writer.now_s()
    lab.until(lambda: ["web"] in runs(lab))
    record = lab.records("runs")[-1]
    assert record.fields["mode"] == "pull"
    assert record.at_s - record.error_s <= after_s
    assert record.at_s + record.error_s >= before_s
    assert lab.records("looked")[-1].fields["until_s"] <= lab.guest.writer.now_s()
    assert lab.records("clock")[0].fields["offset_s"] == pytest.approx(-AHEAD_S, abs=1.0)


def test_of_what_was_before_the_run_only_the_last_counts(lab):
    for names in (["a"], ["a", "b"], ["b"]):
        lab.guest.happen(names, at_s=lab.guest.now_s() - 50)
    lab.start()
    lab.until(lambda: lab.records("looked"))
    assert runs(lab) == [[], ["b"]]  # push, pull
    assert lab.records("runs")[-1].at_s < 0


def test_what_happened_while_the_connection_was_cut_comes_afterwards(lab):
    lab.guest.happen([])
    lab.start()
    lab.until(lambda: lab.records("looked"))
    lab.guest.cut()
    lab.guest.happen(["a"])
    lab.guest.happen(["a", "b"])
    looked = len(lab.records("looked"))
    lab.guest.reachable.set()
    lab.until(lambda: ["a", "b"] in runs(lab))
    assert ["a"] in runs(lab)
    assert len(lab.records("looked")) > looked
    assert lab.guest.asked[-1] == 1
    assert lab.records("lost") == []


def test_after_a_boot_nothing_had_run_before_the_recorder_did(lab):
    lab.guest.happen(["a"])
    lab.start()
    lab.until(lambda: ["a"] in runs(lab))
    lab.guest.cut()
    lab.guest.boot, lab.guest.records = "two", []
    lab.guest.happen(["b"], at_s=3.0)
    lab.guest.reachable.set()
    lab.until(lambda: ["b"] in runs(lab))
    pull = [r for r in lab.records("runs") if r.fields["mode"] == "pull"]
    assert [r.fields["containers"] for r in pull] == [["a"], [], ["b"]]
    assert pull[2].at_s - pull[1].at_s == pytest.approx(3.0)
    assert lab.records("lost") == []


def test_of_a_machine_that_is_off_nothing_is_known_to_run(lab):
    lab.guest.happen(["a"])
    lab.start()
    lab.until(lambda: lab.follower.latest.get("pull") == ["a"])
    lab.follower._states.latest["node1"] = "off"
    lab.guest.cut()
    lab.until(lambda: lab.follower.latest == {})
    lab.guest.boot, lab.guest.records = "two", []
    lab.guest.happen([])
    lab.follower._states.latest["node1"] = "running"
    lab.guest.reachable.set()
    lab.until(lambda: lab.follower.latest.get("pull") == [])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"instance": 2}, "its recorder ended and was started again"),
        ({"boot": "two", "instance": 2}, "its recorder ended and was started again"),
        ({"oldest": 9}, "more happened than its recorder remembers"),
    ],
)
def test_what_cannot_be_known_is_lost_and_said(lab, change, why):
    lab.guest.happen(["a"])
    lab.start()
    lab.until(lambda: ["a"] in runs(lab))
    lab.guest.cut()
    vars(lab.guest).update(change)
    lab.guest.reachable.set()
    lab.until(lambda: lab.records("lost"))
    lost = lab.records("lost")[0]
    assert (lost.fields["machine"], lost.fields["why"]) == ("node1", why)
    assert lost.fields["from_s"] <= lost.at_s
    # What runs afterwards is written, also if it is the same.
    lab.guest.happen(["a"])
    lab.until(lambda: runs(lab).count(["a"]) == 2)


def test_what_happened_after_a_standstill_is_known_as_well_as_anything(lab):
    """The guest's clock stood still as well, so by the clock before it was within the pause."""
    lab.guest.happen(["a"])
    lab.start()
    lab.until(lambda: ["a"] in runs(lab))
    lab.guest.cut()
    # It stands still for 30 s of our time; 1 s of its own later the container stops.
    lab.follower._states.paused_s["node1"] = lab.guest.writer.now_s()
    stopped_s = lab.guest.now_s() + 1.0
    lab.guest.writer.began_s -= 30.0
    lab.guest.stood_still_s = 30.0
    lab.guest.happen([], at_s=stopped_s)
    lab.guest.reachable.set()
    lab.until(lambda: runs(lab).count([]) == 2)  # the other is push's
    record = lab.records("runs")[-1]
    assert record.at_s == pytest.approx(stopped_s - AHEAD_S + 30.0, abs=0.5)
    assert record.error_s < 0.5


def test_a_pause_of_long_ago_does_not_make_a_later_standstill_precise(lab):
    lab.guest.happen(["a"])
    lab.start()
    lab.until(lambda: ["a"] in runs(lab))
    lab.follower._states.paused_s["node1"] = 0.0
    lab.guest.cut()
    began_s = lab.guest.now_s()
    lab.guest.writer.began_s -= 5.0  # not seen by anything else
    lab.guest.stood_still_s = 5.0
    lab.guest.happen([], at_s=began_s)
    lab.guest.reachable.set()
    lab.until(lambda: runs(lab).count([]) == 2)
    assert lab.records("runs")[-1].error_s > 2.0


def test_a_real_connection_is_a_process_that_ends_with_the_block(monkeypatch):
    monkeypatch.setattr(remote, "_ssh", lambda *_: ["sh", "-c", "cat", "-"])
    with remote.channel(NODE, 77) as ssh:
        assert ssh.stdin
        assert ssh.stdout
        ssh.stdin.write(b"hello\n")
        assert ssh.stdout.readline() == b"hello\n"
    assert ssh.returncode is not None
