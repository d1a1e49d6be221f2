"""The recorder on cgroups that are plain files: the kernel reports changes of both alike."""

import json
import shutil
import socket
import threading
from contextlib import contextmanager
from typing import TextIO

import pytest

from services.recorder import __main__ as recorder
from services.recorder import cgroups as cgroup_module
from services.recorder import inotify
from services.recorder.cgroups import Cgroups
from tests.waiting import wait_for

IN_MOVED_TO = 0x80


class Kernel:
    """A folder like /sys/fs/cgroup, and what systemd and the kernel do in it."""

    def __init__(self, root):
        self.root = root

    def slice(self, name):
        (self.root / name).mkdir()

    def start(self, unit, slice="pull.slice"):
        """systemd makes the folder, which has its files at once, then moves a process there."""
        folder = self.root / unit
        folder.mkdir()
        (folder / "cgroup.events").write_text("populated 0\nfrozen 0\n")
        folder.rename(self.root / slice / unit)
        self.change(unit, slice, populated=True)

    def change(self, unit, slice="pull.slice", *, populated):
        events = self.root / slice / unit / "cgroup.events"
        events.write_text(f"populated {int(populated)}\nfrozen 0\n")

    def remove(self, unit, slice="pull.slice"):
        shutil.rmtree(self.root / slice / unit)


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    # Here a folder with its file comes at one instant only by a rename.
    monkeypatch.setattr(cgroup_module, "_FOLDERS", cgroup_module._FOLDERS | IN_MOVED_TO)
    found = Kernel(tmp_path)
    found.slice("system.slice")
    found.slice("pull.slice")
    return found


def names(cgroups):
    cgroups.refresh()
    return sorted(unit.removesuffix(".service") for unit in cgroups.populated)


def test_units_are_found_when_they_run_already_and_when_they_come(kernel):
    kernel.start("pull-container@a.service")
    cgroups = Cgroups(str(kernel.root))
    assert names(cgroups) == ["pull-container@a"]
    kernel.start("pull-agent.service", "system.slice")
    kernel.slice("push.slice")
    kernel.start("push-container@a.service", "push.slice")
    assert names(cgroups) == ["pull-agent", "pull-container@a", "push-container@a"]


def test_a_unit_without_a_process_does_not_run_though_its_folder_is_there(kernel):
    kernel.start("pull-container@a.service")
    cgroups = Cgroups(str(kernel.root))
    kernel.change("pull-container@a.service", populated=False)
    assert cgroups.refresh() == [frozenset()]
    assert names(cgroups) == []
    kernel.change("pull-container@a.service", populated=True)
    assert names(cgroups) == ["pull-container@a"]
    kernel.remove("pull-container@a.service")
    assert names(cgroups) == []


def test_a_slice_that_goes_and_comes_back_is_watched_again(kernel):
    cgroups = Cgroups(str(kernel.root))
    shutil.rmtree(kernel.root / "pull.slice")
    assert names(cgroups) == []
    kernel.slice("pull.slice")
    cgroups.refresh()
    kernel.start("pull-container@a.service")
    assert names(cgroups) == ["pull-container@a"]


def test_a_unit_that_ends_and_begins_between_two_looks_is_missing_in_between(kernel):
    kernel.start("pull-container@a.service")
    cgroups = Cgroups(str(kernel.root))
    kernel.remove("pull-container@a.service")
    kernel.start("pull-container@a.service")
    assert cgroups.refresh() == [frozenset(), frozenset({"pull-container@a.service"})]


def test_it_does_not_grow_with_units_that_come_and_go(kernel):
    cgroups = Cgroups(str(kernel.root))
    for _ in range(20):
        kernel.start("pull-agent.service", "system.slice")
        cgroups.refresh()
        kernel.remove("pull-agent.service", "system.slice")
        cgroups.refresh()
    assert cgroups._units == {}


def test_other_units_and_folders_do_not_matter(kernel):
    cgroups = Cgroups(str(kernel.root))
    kernel.start("ssh.service", "system.slice")
    kernel.start("pull-door.socket", "system.slice")
    kernel.slice("user.slice")
    assert not cgroups.refresh()


def test_lost_events_are_made_up_for_by_a_look_at_everything(kernel, monkeypatch):
    kernel.start("pull-container@a.service")
    cgroups = Cgroups(str(kernel.root))
    kernel.remove("pull-container@a.service")
    kernel.start("pull-container@b.service")
    real = cgroups._inotify.events
    lost = [(-1, inotify.OVERFLOW, "")]
    monkeypatch.setattr(cgroups._inotify, "events", lambda: [list(real()), lost][1])
    assert names(cgroups) == ["pull-container@b"]


@contextmanager
def served(cgroups):
    """A server of `cgroups`; yields a function that returns a new client of it."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    server = recorder.RecordServer(recorder.Recorder(cgroups, "boot", 1), cgroups.file, listener)
    over = threading.Event()

    def serve():
        while not over.is_set():
            server.turn()

    thread = threading.Thread(target=serve)
    thread.start()
    clients: list[socket.socket] = []
    files: list[TextIO] = []

    def connect():
        client = socket.create_connection(listener.getsockname())
        client.settimeout(20)
        file = client.makefile("r")
        clients.append(client)
        files.append(file)
        return client, file

    try:
        yield connect
    finally:
        over.set()
        socket.create_connection(listener.getsockname()).close()
        thread.join(20)
        for file in files:
            file.close()
        for one in (*clients, *(client for client, _ in server._clients.values()), listener):
            one.close()


def read(file):
    return json.loads(file.readline())


def test_a_client_gets_what_was_and_what_comes(kernel):
    kernel.start("pull-container@a.service")
    cgroups = Cgroups(str(kernel.root))
    with served(cgroups) as connect:
        client, file = connect()
        hello = read(file)
        assert (hello["boot"], hello["instance"], hello["oldest"]) == ("boot", 1, 1)
        client.sendall(b"after 0\n")
        assert read(file)["pull"] == ["a"]
        kernel.start("push-container@b.service", "system.slice")
        said = [read(file)]
        while said[-1]["push"] != ["b"]:
            said.append(read(file))
        assert said[-1]["number"] > 1
        other, again = connect()
        assert read(again)["oldest"] == 1
        other.sendall(f"after {said[-1]['number'] - 1}\n".encode())
        assert read(again) == said[-1]


def test_an_answer_to_a_ping_comes_after_all_that_had_happened(kernel):
    cgroups = Cgroups(str(kernel.root))
    with served(cgroups) as connect:
        client, file = connect()
        before = read(file)["now_s"]
        client.sendall(b"after 1\n")
        kernel.start("pull-container@a.service")
        client.sendall(b"ping 7 x\n")
        said = [read(file)]
        while "pong" not in said[-1]:
            said.append(read(file))
        assert said[-1]["pong"] == ["7", "x"]
        assert said[-2]["pull"] == ["a"]
        assert before <= said[-2]["at_s"] <= said[-1]["now_s"]


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\n", b"after x\n", b"\n", b"x" * 500, b"\xff\n"])
def test_who_says_something_else_is_dropped_and_others_are_not(kernel, said):
    with served(Cgroups(str(kernel.root))) as connect:
        (good, file), (bad, other) = connect(), connect()
        assert read(file)
        assert read(other)
        bad.sendall(said)
        assert other.readline() == ""
        good.sendall(b"ping\n")
        assert read(file)["pong"] == []


def test_more_clients_than_it_serves_are_refused(kernel):
    with served(Cgroups(str(kernel.root))) as connect:
        first = [connect() for _ in range(8)]
        assert all(read(file) for _, file in first)
        _, refused = connect()
        assert refused.readline() == ""
        first[0][0].shutdown(socket.SHUT_RDWR)

        def welcome():
            return connect()[1].readline()

        wait_for(welcome, "a place is free", timeout_s=20)


def test_a_record_sorts_units_by_mode():
    units = {f"{name}.service" for name in ("pull-container@b", "pull-container@a", "pull-agent")}
    assert recorder.sorted_out(frozenset(units)) == {
        "push": [],
        "pull": ["a", "b"],
        "units": ["pull-agent"],
    }
