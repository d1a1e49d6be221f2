"""Budgets of phases: what is said when one fails, and that nothing outlasts its own."""

import io
import re
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from lab.bringup import budgets, watchdog
from lab.bringup.budgets import BUDGETS, Budget, OutOfTime, concerned, failed, hint
from lab.bringup.watchdog import watched
from lab.errors import MachineAbsent
from lab.host import console, settings
from lab.host.accel import Accel
from lab.host.settings import NotSetUp, Settings
from lab.waiting import TookTooLong
from services.core.errors import LabError

ROOT = Path(__file__).resolve().parents[2]
MACHINES = ("api", "node1", "node10")


@pytest.mark.parametrize(
    ("phase", "cause", "machines"),
    [
        ("boot", "machine 'node1' ended while it booted", ["node1"]),
        ("boot", "vagrant failed:\n==> node10: no\n==> api: no", ["api", "node10"]),
        ("heal", "virsh failed: no virtlogd-sock", []),
        ("boot node1", "node1 answers over SSH: not within 20 s", ["node1"]),
        ("answer", "push-api.service is silent, no-api too", []),
        ("prepare", "virsh failed on node1", []),
        ("lunch", "node1 is hungry", []),
    ],
    ids=[
        "the machine that is named", "several", "none is named", "by a phase's first word",
        "a name within another is none", "the guests have no part", "a phase without a budget",
    ],
)  # fmt: skip
def test_the_machines_that_are_concerned(phase, cause, machines):
    assert concerned(phase, cause, MACHINES) == machines


@pytest.mark.parametrize(
    ("own", "consoles", "remedy", "lines"),
    [
        ("", {}, "lab down", ["remedy: lab down"]),
        ("wait", {}, "lab down", ["wait", "remedy: lab down"]),
        ("then: lab down", {}, "lab down", ["then: lab down"]),
        (
            "wait",
            {"api": "Kernel panic"},
            "lab up both",
            ["wait", "the console of api ends with: Kernel panic", "remedy: lab up both"],
        ),
    ],
    ids=["alone", "after the error's own", "not twice", "after the console"],
)
def test_a_hint_names_the_console_and_the_remedy(own, consoles, remedy, lines):
    assert hint(own, consoles, remedy).splitlines() == lines


def test_a_failure_names_phase_budget_and_time():
    error = failed("boot", 61.26, 470, OutOfTime("boot", 470), {"api": "Kernel panic"})
    assert str(error) == "boot failed after 61.3 s of at most 470 s: no end within its 470 s"
    assert "Kernel panic" in error.hint
    assert error.hint.endswith(f"remedy: {BUDGETS['boot'].remedy}")


def test_only_the_guests_part_of_a_budget_grows_with_their_slowness():
    assert Budget(20, 50, "").limit_s(1) == 70
    assert Budget(20, 50, "").limit_s(8) == 420
    assert BUDGETS["prepare"].limit_s(8) == BUDGETS["prepare"].limit_s(1)


@pytest.fixture
def short(monkeypatch, tmp_path):
    """A machine half as fast as with KVM, on which `boot` may take 0.2 s; node1 said something."""
    monkeypatch.setitem(BUDGETS, "boot", Budget(0.1, 0.05, "lab down"))
    monkeypatch.setattr(settings, "load", lambda: Settings(None, Accel("tcg", 2.0, "")))
    monkeypatch.setattr(console, "file", lambda name: tmp_path / name)
    (tmp_path / "node1").write_text("one\nKernel panic\n")
    return watched(io.StringIO())


def test_a_phase_that_hangs_ends_with_its_budget_and_says_what_the_consoles_say(short):
    began_s = time.monotonic()
    with pytest.raises(LabError) as raised, short.phase("boot"):
        time.sleep(30)
    assert time.monotonic() - began_s < 10
    assert isinstance(raised.value.__cause__, OutOfTime)
    assert raised.value.__cause__.limit_s == pytest.approx(0.2)
    assert "the console of node1 ends with: one / Kernel panic" in raised.value.hint


def test_an_error_inside_a_phase_keeps_its_words_and_gets_the_phase(short):
    expected = pytest.raises(LabError, match="node1 answers: not within 1 s")
    with expected as raised, short.phase("boot node1"):
        raise TookTooLong("node1 answers", 1, None, "watch it")
    assert raised.value.hint.startswith("watch it\nthe console of node1")
    assert "node2" not in raised.value.hint


def test_a_refusal_is_no_failure_of_a_wait(short):
    with pytest.raises(MachineAbsent), short.phase("boot node1"):
        raise MachineAbsent("node1")


def test_a_phase_without_a_budget_keeps_its_error(short):
    with pytest.raises(NotSetUp), short.phase("lunch"):
        raise NotSetUp


def test_the_inner_phase_is_the_one_that_failed(short):
    expected = pytest.raises(LabError, match=r"^boot failed")
    with expected, short.phase("delete"), short.phase("boot"):
        raise OutOfTime("boot", 1)


def test_after_a_phase_no_alarm_is_left_and_the_outer_one_goes_on(short, monkeypatch):
    monkeypatch.setitem(BUDGETS, "switch", Budget(20, 0, ""))
    with short.phase("switch"):
        with short.phase("boot"):
            pass
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 20
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_an_outer_budget_that_is_spent_meanwhile_ends_right_after(short, monkeypatch):
    monkeypatch.setitem(BUDGETS, "switch", Budget(5, 0, ""))

    def work():
        with short.phase("boot"):
            with short.phase("switch"):
                time.sleep(0.4)
            time.sleep(30)

    with pytest.raises(LabError, match="boot failed"):
        work()


def test_a_thread_takes_its_time(short):
    done = []

    def work():
        with short.phase("boot"):
            time.sleep(0.3)
        done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]


def test_before_the_first_look_at_the_machine_no_guest_is_slow(monkeypatch):
    def load():
        raise NotSetUp

    monkeypatch.setattr(settings, "load", load)
    with watchdog.within_budget("prepare"):
        assert signal.getitimer(signal.ITIMER_REAL)[0] <= budgets.BUDGETS["prepare"].host_s


def test_who_goes_on_after_an_error_does_not_go_on_after_the_end_of_the_budget(short):
    def work():
        with short.phase("boot"):
            for _ in range(2):
                with suppress(LabError):
                    time.sleep(30)

    began_s = time.monotonic()
    with pytest.raises(LabError):
        work()
    assert time.monotonic() - began_s < 20


def test_every_phase_of_up_and_down_has_a_budget():
    files = [
        f for room in ("bringup", "snapshot") for f in sorted((ROOT / "lab" / room).glob("*.py"))
    ]
    found = {name for file in files for name in re.findall(r'\.phase\("(.+?)"', file.read_text())}
    assert {"boot", "thaw", "delete"} <= found
    assert sorted(found - BUDGETS.keys()) == []
