"""Holding a machine still, and letting it go with the right time; over real datagrams."""

import os
import socket
import threading
import time

import pytest

from lab.snapshot import call
from services.lib import standstill as hold
from services.lib import world_clock

ADDRESS = "127.0.0.1"


@pytest.fixture
def clock(monkeypatch, tmp_path):
    """What was done to the machine: (what, value). Nothing of it is done to this one."""
    done = []
    monkeypatch.setattr(time, "clock_settime_ns", lambda _, ns: done.append(("step", ns)))
    monkeypatch.setattr(time, "clock_settime", lambda _, s: done.append(("rtc", s)))
    monkeypatch.setattr(
        os,
        "sched_setscheduler",
        lambda _, policy, __: done.append(("real time", 0)) if policy == os.SCHED_FIFO else None,
    )
    monkeypatch.setattr(world_clock, "FROZEN", str(tmp_path / "frozen"))
    monkeypatch.setattr(hold, "RENEW_AFTER_S", 0)
    monkeypatch.setattr(hold, "RENEW", ("/usr/bin/touch", str(tmp_path / "renewed")))
    return done


@pytest.fixture
def port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((ADDRESS, 0))
        return probe.getsockname()[1]


@pytest.fixture
def guest(port, clock):
    """services.lib.standstill as it runs in a guest; join it for its exit code."""
    codes = []
    thread = threading.Thread(
        target=lambda: codes.append(hold.main(["secret", ADDRESS, str(port)])), daemon=True
    )
    thread.start()

    def ended():
        thread.join(30)
        return codes

    yield ended
    ended()


def test_a_guest_that_is_armed_keeps_still_until_it_is_told_the_time(guest, port, clock, tmp_path):
    assert call.call("secret", "arm", [(ADDRESS, port)], 20) == []
    assert clock == [("real time", 0)]
    assert not (tmp_path / "renewed").exists()
    before_ns = time.time_ns()
    assert call.call("secret", "go", [(ADDRESS, port)], 20) == []
    assert guest() == [0]
    (what, at_ns) = clock[1]
    assert what == "step"
    assert before_ns <= at_ns <= time.time_ns()
    assert len(clock) == 2
    # Nobody says that all is as it was: the host may have forgotten the lease.
    assert (tmp_path / "renewed").exists()


@pytest.mark.parametrize(("last", "renewed"), [("renew", True), ("stay", False)])
def test_a_guest_renews_its_lease_when_it_is_told(
    guest, port, clock, monkeypatch, tmp_path, last, renewed
):
    monkeypatch.setattr(hold, "RENEW_AFTER_S", 20)
    assert call.call("secret", "arm", [(ADDRESS, port)], 20) == []
    assert call.call("secret", "go", [(ADDRESS, port)], 20) == []
    assert call.call("guess", last, [(ADDRESS, port)], 0.1) == [f"{ADDRESS}:{port}"]
    assert not (tmp_path / "renewed").exists()
    assert call.call("secret", last, [(ADDRESS, port)], 10) == []
    assert guest() == [0]
    assert (tmp_path / "renewed").exists() is renewed


def test_who_does_not_know_the_secret_moves_nothing(guest, port, clock):
    assert call.call("guess", "arm", [(ADDRESS, port)], 0.2) == [f"{ADDRESS}:{port}"]
    assert call.call("secret", "arm", [(ADDRESS, port)], 20) == []
    assert call.call("guess", "go", [(ADDRESS, port)], 0.2) == [f"{ADDRESS}:{port}"]
    assert clock == [("real time", 0)]
    assert call.call("secret", "go", [(ADDRESS, port)], 20) == []


def test_a_guest_that_nobody_releases_takes_the_time_from_its_own_clock(
    guest, port, clock, monkeypatch, tmp_path
):
    rtc = tmp_path / "since_epoch"
    rtc.write_text("2000000000\n")
    monkeypatch.setattr(world_clock, "RTC", str(rtc))
    monkeypatch.setattr(hold, "HOLD_S", 0.05)
    # Nobody is there to say when it should renew its lease: it does not wait for that.
    monkeypatch.setattr(hold, "RENEW_AFTER_S", 3600)
    assert call.call("secret", "arm", [(ADDRESS, port)], 20) == []
    assert guest() == [0]
    assert (tmp_path / "renewed").exists()
    assert clock == [("real time", 0), ("rtc", 2_000_000_000)]


def test_a_clock_that_is_right_is_left_alone(guest, port, clock, monkeypatch, tmp_path):
    rtc = tmp_path / "since_epoch"
    rtc.write_text(f"{int(time.time())}\n")
    monkeypatch.setattr(world_clock, "RTC", str(rtc))
    monkeypatch.setattr(hold, "HOLD_S", 0.05)
    assert call.call("secret", "arm", [(ADDRESS, port)], 20) == []
    assert guest() == [0]
    assert clock == [("real time", 0)]


def test_a_machine_that_was_frozen_has_missed_nothing(guest, port, clock, monkeypatch, tmp_path):
    rtc = tmp_path / "since_epoch"
    rtc.write_text("2000000000\n")
    monkeypatch.setattr(world_clock, "RTC", str(rtc))
    before_s = world_clock.world_s()
    assert call.call("secret", "arm", [(ADDRESS, port)], 20) == []
    rtc.write_text("2000086400\n")  # thawed a day later
    assert world_clock.world_s() == 0, "another process sees the jump"
    assert call.call("secret", "go", [(ADDRESS, port)], 20) == []
    assert guest() == [0]
    assert before_s - 2 <= world_clock.world_s() <= before_s


def test_a_guest_that_is_never_armed_ends(port, clock, monkeypatch):
    monkeypatch.setattr(hold, "ARM_S", 0.05)
    assert hold.main(["secret", ADDRESS, str(port)]) == 1
    assert clock == []


def test_a_machine_that_is_not_there_is_named():
    assert call.main(["secret", "arm", "0.1", f"{ADDRESS}:9"]) == 1
