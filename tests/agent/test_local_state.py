"""What an agent knows of the last answer, by which clocks, and how that is written down."""

import os
import time

import pytest

from services.agent import local_state
from services.agent.memory import Memory, Recalled
from services.core import wire
from services.core.errors import ApiRefused
from services.core.lease import Lease, Moment
from services.core.model import STOP, Assignment, Container, UnitState
from services.lib import world_clock
from services.lib.durable import DurableFile
from tests.agent.fake_lab import A, NotedPlane

LEASE = Lease(Moment(100.5, 7), 3.0, "e", 7)
SAFE = Assignment("e", 5, (Container("s", on_disconnect=STOP),), lease_s=3.0)


def test_the_clocks_of_the_lease_are_those_of_this_machine(monkeypatch, tmp_path):
    (tmp_path / "since_epoch").write_text("1234\n")
    monkeypatch.setattr(world_clock, "RTC", str(tmp_path / "since_epoch"))
    monkeypatch.setattr(world_clock, "FROZEN", str(tmp_path / "none"))
    before_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    memory = Memory(str(tmp_path), str(tmp_path), "boot1", lambda line: None)
    moment = local_state.LocalState(memory).now()
    assert before_s <= moment.boot_s <= time.clock_gettime(time.CLOCK_BOOTTIME)
    assert moment.world_s == 1234


@pytest.mark.parametrize(
    ("status", "hint", "outage"),
    [
        (401, "lab token rotate", "API answered 401: no (lab token rotate)"),
        (403, "", "API answered 403: no"),
        (503, "wait", "API answered 503: no"),
    ],
)
def test_only_the_hint_that_lets_this_node_in_is_shown(plane, status, hint, outage):
    plane.local.doubt(ApiRefused("http://api", status, "no", hint))
    assert plane.local.desired().outage == outage


def test_the_time_of_the_memory_is_that_of_any_copy_that_is_left(tmp_path):
    memory = Memory(str(tmp_path), str(tmp_path), "boot1", lambda line: None)
    assert memory.since() == "an unknown time"
    memory.keep(Assignment("e", 5, ()), None)
    os.utime(tmp_path / "assigned.json", (0, 43_390))
    (tmp_path / "desired.json").unlink()
    assert memory.since() == time.strftime("%H:%M:%S", time.localtime(43_390))


def test_what_a_killed_run_left_of_a_lease_does_no_harm(tmp_path):
    memory = Memory(str(tmp_path), str(tmp_path), "boot1", lambda line: None)
    memory.keep_lease(LEASE)
    assert (tmp_path / "lease").stat().st_mode & 0o777 == 0o600
    (tmp_path / "lease.new").write_text("x" * 1000)
    memory.keep_lease(LEASE)
    assert memory.recall().lease == LEASE


def test_what_is_confirmed_is_not_written_again(plane, tmp_path):
    """Every second is too often for a disk; the time of the file says when it was last true."""
    plane.local.follow(A, Moment(100.0))
    for path in (tmp_path / "desired.json", tmp_path / "assigned.json"):
        os.utime(path, (0, 0))
        before = path.stat().st_ino
        plane.local.follow(A, Moment(101.0))
        assert (path.stat().st_ino, path.stat().st_mtime > 0) == (before, True)


def test_of_two_answers_to_what_was_asked_at_one_moment_the_second_counts(lab, plane):
    for lease_s in (3.0, 9.0):
        plane.local.follow(A._replace(lease_s=lease_s), Moment(lab.now_s))
    assert plane.local.lease_left_s() == 9.0


def test_a_lease_that_is_renewed_gives_back_what_was_withheld(lab, plane):
    plane.local.follow(SAFE, Moment(lab.now_s))
    assert plane.local.desired() is plane.local.desired()  # while nothing changes
    lab.now_s += 3.0
    assert plane.local.desired().withheld.keys() == {"s"}
    plane.local.confirm(Moment(lab.now_s))
    assert plane.local.desired().withheld == {}


def test_before_the_server_was_asked_only_what_is_urgent_says_since_when(lab, plane, tmp_path):
    plane.local.follow(SAFE, Moment(lab.now_s))
    later = NotedPlane(lab, tmp_path, now_s=lab.clock).local
    assert (later.desired().outage, later.desired().since) == (local_state.NOT_ASKED, "")
    lab.now_s += 3.0
    os.utime(tmp_path / "desired.json", (0, 43_390))
    urgent = later.urgent({"s": UnitState("demo", ready=True)})
    assert urgent is not None
    assert urgent.since == time.strftime("%H:%M:%S", time.localtime(43_390))


def test_a_lease_without_an_assignment_is_known_for_what_it_is(tmp_path):
    memory = Memory(str(tmp_path), str(tmp_path), "boot1", lambda line: None)
    memory.keep_lease(LEASE)
    assert memory.recall() == Recalled(None, LEASE, newest=False)


def write(path, *assignments):
    """Write `assignments` as a copy, one after the other; the last one is damaged if it is None."""
    for assignment in assignments:
        if assignment is None:
            path.write_bytes(b"")
        else:
            DurableFile(str(path)).save(wire.dump_assignment(assignment))


def revision(number, epoch="e"):
    return Assignment(epoch, number, ())


def test_without_a_lease_a_whole_copy_is_better_than_a_newer_one_of_before(tmp_path):
    write(tmp_path / "desired.json", revision(6))
    write(tmp_path / "assigned.json", revision(7), revision(8), None)
    told: list[str] = []
    recalled = Memory(str(tmp_path), str(tmp_path), "boot1", told.append).recall()
    assert recalled == Recalled(revision(6), None, newest=True)
    assert [line.partition(": ")[0] for line in told] == ["local state"]


def test_a_copy_that_the_lease_is_about_is_better_than_a_whole_one_of_another_store(tmp_path):
    write(tmp_path / "desired.json", revision(7), revision(8), None)
    write(tmp_path / "assigned.json", revision(9, "f"))
    memory = Memory(str(tmp_path), str(tmp_path), "boot1", lambda line: None)
    memory.keep_lease(LEASE)
    assert memory.recall() == Recalled(revision(7), LEASE, newest=True)


def test_without_a_lease_there_is_nothing_left_of_it(plane):
    assert plane.local.lease_left_s() <= 0
