"""`lab soak`: which cycle counts as good, when it ends, and what it prints."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab import paths
from lab.bringup import bringup
from lab.bringup.budgets import OutOfTime, failed
from lab.host import daemons, forward, netns, settings
from lab.machines import boxes, inventory
from lab.snapshot import thaw
from lab.soak import load, remains, steps
from lab.soak.cycles import Steps, soak
from lab.terminal.progress import Progress
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
FAILURE = failed("boot", 9, 60, OutOfTime("boot", 60), {"node1": "Kernel panic"})


class FakeLab:
    """A lab that is up or down, breaks in the cycles of `fails` and leaks in those of `leaks`."""

    def __init__(self, fails=(), leaks=()):
        self.fails, self.leaks = fails, leaks
        self.calls = []
        self.ups = 0
        self.is_up = True

    def up(self, progress):
        assert not self.is_up, "not from nothing"
        self.ups += 1
        self.is_up = True
        with progress.phase("prepare"):
            self.calls.append("up")
        if self.ups in self.fails:
            raise self.fails[self.ups]

    def down(self, progress):
        self.calls.append("down")
        self.is_up = False

    def remains(self):
        return ["a QEMU runs pushpull_api"] if self.ups in self.leaks else []

    def steps(self):
        log = lambda number: Progress(io.StringIO())  # noqa: E731
        return Steps(self.up, self.down, self.remains, log, lambda number: f"soak/{number}")


def test_every_cycle_starts_from_nothing_and_ends_with_nothing():
    lab = FakeLab()
    found = list(soak(3, lab.steps(), keep_going=False))
    assert [cycle.ok for cycle in found] == [True] * 3
    assert lab.calls == ["down", *["up", "down"] * 3]
    assert list(found[0].seconds) == ["prepare", "down"]


def test_the_first_failure_is_the_end_and_leaves_the_lab_to_be_looked_at():
    lab = FakeLab(fails={2: FAILURE})
    found = list(soak(5, lab.steps(), keep_going=False))
    assert [cycle.ok for cycle in found] == [True, False]
    assert lab.is_up
    assert found[1].error.startswith("boot failed")
    assert "Kernel panic" in found[1].hint
    assert found[1].logs == "soak/2"
    assert list(found[1].seconds) == ["prepare"]


def test_with_keep_going_the_lab_is_taken_down_and_the_next_cycle_begins():
    lab = FakeLab(fails={2: FAILURE})
    found = list(soak(3, lab.steps(), keep_going=True))
    assert [cycle.ok for cycle in found] == [True, False, True]
    assert lab.calls == ["down", "up", "down", "up", "down", "up", "down"]


def test_what_down_leaves_is_a_failure():
    (cycle,) = soak(3, FakeLab(leaks={1}).steps(), keep_going=False)
    assert not cycle.ok
    assert cycle.remains == ["a QEMU runs pushpull_api"]


def test_an_error_that_is_no_labs_is_a_bug_and_ends_it():
    with pytest.raises(ZeroDivisionError):
        list(soak(3, FakeLab(fails={1: ZeroDivisionError()}).steps(), keep_going=True))


@pytest.fixture
def fake(monkeypatch, vms):
    """Make a lab for the command, which runs it beside no load."""

    def make(**what):
        lab = FakeLab(**what)
        monkeypatch.setattr(steps, "steps", lambda mode, profile: lab.steps())
        return lab

    return make


def test_a_line_a_cycle_and_the_phases_of_all(run, fake):
    fake()
    result = run("soak", "--cycles", "2", "--load", "0")
    assert result.exit_code == 0, result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("cycle")]
    assert [line.partition(" in ")[0] for line in lines] == ["cycle 1/2: ok", "cycle 2/2: ok"]
    assert "prepare 0.0  down 0.0" in lines[0]
    table = result.stdout.splitlines()
    assert [line.split()[0] for line in table[:-1]] == ["phase", "prepare", "down", "total"]
    assert table[-1] == "2 of 2 cycles went well, 0 failed; load: 0"


def test_a_failure_shows_phase_console_and_remedy_and_where_the_logs_are(run, fake):
    fake(fails={2: FAILURE})
    result = run("soak", "--cycles", "3", "--load", "0", "--json")
    assert result.exit_code == 1
    assert "cycle 2/3: FAILED" in result.stderr
    assert "  boot failed after 9.0 s of at most 60 s" in result.stderr
    assert "  the console of node1 ends with: Kernel panic" in result.stderr
    assert "  remedy: lab up both" in result.stderr
    assert "Error: cycle 2 of 3 failed\nHint: read soak/2" in result.stderr
    data = json.loads(result.stdout)
    assert (data["load"], data["asked"]) == (0, 3)
    assert [bool(cycle["error"]) for cycle in data["cycles"]] == [False, True]


def test_ctrl_c_ends_it_with_what_was_measured_so_far(run, fake):
    fake(fails={2: KeyboardInterrupt()})
    result = run("soak", "--cycles", "3", "--load", "0")
    assert result.exit_code == 130
    assert "1 of 3 cycles went well, 0 failed" in result.stdout


def test_the_load_is_there_while_it_is_wanted_and_ends_with_us():
    with load.busy(2) as pids:
        assert all(Path(f"/proc/{pid}").exists() for pid in pids)
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    text = "import time\nfrom lab.soak import load\n"
    text += "with load.busy(1) as pids:\n  print(*pids, flush=True)\n  time.sleep(60)"
    command = [sys.executable, "-c", text]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as soaking:
        assert soaking.stdout
        pid = soaking.stdout.readline().strip()
        wait_for(lambda: _runs(pid), "it is busy", timeout_s=30)
        soaking.send_signal(signal.SIGKILL)
    wait_for(lambda: not _runs(pid), "it ended too", timeout_s=30)


def _runs(pid):
    try:
        # Nobody reaps orphans in some containers.
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def host(monkeypatch, tmp_path, lab):
    """A computer on which nothing of the lab is."""
    monkeypatch.setattr(settings, "namespace_of", lambda _: "space")
    monkeypatch.setattr(daemons, "ours", lambda: False)
    monkeypatch.setattr(netns, "exists", lambda _: False)
    monkeypatch.setattr(boxes, "FOLDER", tmp_path / "pool")
    monkeypatch.setattr(inventory, "_DEFINITIONS", tmp_path / "qemu")
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(remains, "_processes", lambda _: [])
    for folder in ("pool", "qemu"):
        (tmp_path / folder).mkdir()
    return tmp_path


def test_nothing_remains_where_nothing_is(host, lab):
    (host / "pool/pushpull-lab_vagrant_box_image_0.1.1_box.img").touch()
    (host / "pool/other_api.img").touch()
    assert remains.remains(lab) == []


def test_what_remains_is_looked_for_on_the_computer(host, lab, monkeypatch):
    for name in ("pushpull_api.img", "pushpull-twin_node1.img"):
        (host / "pool" / name).touch()
    (host / ".vagrant/machines/node2").mkdir(parents=True)
    for name in ("pushpull_api.xml", "other_api.xml"):
        (host / "qemu" / name).touch()
    monkeypatch.setattr(daemons, "ours", lambda: True)
    monkeypatch.setattr(netns, "exists", lambda _: True)
    assert remains.remains(lab) == [
        "a libvirtd of the lab's runs",
        "the network namespace space is there",
        "the machine pushpull_api is defined",
        "the disk pushpull_api.img is there",
        "Vagrant has notes on node2",
    ]


def test_a_qemu_is_found_by_the_name_of_its_guest(lab):
    lab = lab._replace(lab=f"soak{os.getpid()}")
    command = [sys.executable, "-c", "import time; time.sleep(60)", f"guest={lab.lab}_api,debug=on"]
    with subprocess.Popen(command) as qemu:
        try:
            time.sleep(0.1)
            assert remains._processes(lab) == [f"a QEMU runs {lab.lab}_api (pid {qemu.pid})"]
        finally:
            qemu.kill()


def test_the_logs_of_a_failure_are_kept(monkeypatch, tmp_path):
    for name in ("SHARED", "LOGS", "RUN"):
        monkeypatch.setattr(paths, name, tmp_path / name)
    for log in ("SHARED/console/node1.log", "LOGS/vagrant.log", "RUN/libvirtd.log"):
        (tmp_path / log).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / log).write_text(log)
    kept = steps.keep(tmp_path / "kept")
    assert sorted(file.name for file in kept.iterdir()) == [
        "libvirtd.log", "node1.log", "vagrant.log",
    ]  # fmt: skip


@pytest.mark.parametrize("left", ["pool/pushpull_api.img", "qemu/pushpull_api.xml"])
def test_down_asks_a_libvirt_where_files_tell_of_a_lab(host, monkeypatch, left):
    """As of a computer that was switched off: no namespace, no libvirtd, but a disk."""
    asked: list[str] = []
    monkeypatch.setattr(daemons, "ensure", asked.append)
    monkeypatch.setattr(forward, "stop", lambda: None)
    monkeypatch.setattr(thaw, "clear_mark", lambda: None)
    monkeypatch.setattr(boxes, "ensure_pool", lambda: asked.append("pool"))
    monkeypatch.setattr(inventory.Place, "clear", lambda self: [])
    bringup.down(Progress(io.StringIO()))
    assert asked == []
    (host / left).touch()
    bringup.down(Progress(io.StringIO()))
    assert asked == ["space", "pool"]
