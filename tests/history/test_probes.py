"""Containers are asked over real sockets, and their answers, or that none came, are written."""

import subprocess
import sys
import threading
from contextlib import contextmanager
from socket import create_server
from types import SimpleNamespace

import pytest

from lab.history import probes
from lab.history.history import Writer, read
from lab.history.prober import OTHER, SILENT, STRANGE, Endpoint, said
from lab.history.probes import Probes
from lab.host import settings
from services.core.catalogue import preferred_port
from tests.house.repository import ROOT
from tests.waiting import wait_for
from tests.workload.conftest import free_name, unit

__all__ = ["unit"]

# Both are this computer.
NODES = [
    SimpleNamespace(name="node1", address="127.0.0.1"),
    SimpleNamespace(name="node2", address="127.0.0.2"),
]


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """What runs where is in `where`; `asked` returns what came of the questions."""
    monkeypatch.setattr(probes, "_EVERY_S", 0.05)
    monkeypatch.setattr(probes, "_PATIENCE_S", 0.3)
    monkeypatch.setattr(probes, "_LOOK_S", 0.01)
    monkeypatch.setattr(probes, "deadline_s", lambda seconds: 0.0)
    monkeypatch.setattr(settings, "load", lambda: SimpleNamespace(netns=None))
    over = threading.Event()
    where: dict[str, list[str]] = {}
    with Writer(tmp_path) as writer:
        asks = Probes(SimpleNamespace(nodes=NODES), ["push"], writer, lambda mode: where)
        thread = threading.Thread(target=asks.run, args=(over,))

        def asked(name, node="node1"):
            return list(read(tmp_path).of("asked", name=name, node=node))

        def until(what):
            return wait_for(what, "it was asked", timeout_s=20)

        def notes():
            return [record.fields["text"] for record in read(tmp_path).of("note")]

        yield SimpleNamespace(
            where=where, start=thread.start, asked=asked, until=until, notes=notes,
            answered=asks.answered,
        )  # fmt: skip
        over.set()
        thread.join(20)
        assert not thread.is_alive()


@contextmanager
def server(name, answer=b""):
    """Serve on the port that `name` prefers; without an `answer` it hangs."""
    with create_server(("0.0.0.0", preferred_port("push", name)), backlog=128) as listener:
        listener.settimeout(20)
        clients = []

        def serve():
            while client := _accept(listener):
                clients.append(client)
                if answer:
                    client.recv(4096)
                    client.sendall(answer)
                    client.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        listener.shutdown(2)
        thread.join(20)
        for client in clients:
            client.close()


def _accept(listener):
    try:
        return listener.accept()[0]
    except OSError:
        return None


def test_a_container_that_answers(lab, unit):
    name = free_name()
    unit.port(unit.start(name))
    lab.where[name] = ["node1"]
    lab.start()
    one, other, *_ = lab.until(lambda: lab.asked(name)[1:] and lab.asked(name))
    assert (one.fields["ok"], one.fields["error"]) == (True, "")
    assert one.fields["asked_s"] <= one.at_s <= other.fields["asked_s"]
    assert lab.answered == {("push", "node1", name): True}


def test_who_hangs_does_not_answer_and_holds_up_no_other(lab, unit):
    name = free_name()
    unit.port(unit.start(name))
    hangs = free_name([name])
    lab.where.update({name: ["node1"], hangs: ["node1"]})
    with server(hangs):
        lab.start()
        one = lab.until(lambda: lab.asked(hangs))[0]
    assert one.fields["error"] == SILENT
    assert one.at_s - one.fields["asked_s"] >= 0.3
    meanwhile = [r for r in lab.asked(name) if one.fields["asked_s"] < r.at_s < one.at_s]
    assert len(meanwhile) > 1
    assert all(record.fields["ok"] for record in meanwhile)


def test_nothing_listens(lab):
    name = free_name()
    lab.where[name] = ["node1"]
    lab.start()
    assert lab.until(lambda: lab.asked(name))[0].fields["error"] == "Connection refused"
    assert lab.answered == {("push", "node1", name): False}


def test_another_container_is_no_answer_and_the_port_after_it_is_asked(lab, unit):
    name = free_name()
    body = b'HTTP/1.1 200 OK\r\n\r\n{"mode": "push", "name": "other"}'
    with server(name, body):
        # As every container whose preferred port is taken it tries the next.
        unit.port(unit.start(name))
        lab.where[name] = ["node1"]
        lab.start()
        one, other, *_ = lab.until(lambda: lab.asked(name)[1:] and lab.asked(name))
    assert [r.fields["error"] for r in (one, other)] == [OTHER, ""]


def test_it_is_asked_where_it_runs_and_else_where_it_ran_last(lab, unit):
    name = free_name()
    process = unit.start(name)
    unit.port(process)
    lab.where[name] = ["node1"]
    lab.start()
    lab.until(lambda: lab.asked(name))
    lab.where[name] = ["node2"]
    lab.until(lambda: lab.asked(name, "node2"))
    before = len(lab.asked(name))
    lab.where.clear()
    process.kill()
    lab.until(lambda: not all(r.fields["ok"] for r in lab.asked(name, "node2")))
    # One more may have been on its way.
    assert len(lab.asked(name)) <= before + 1


def test_a_prober_that_ends_is_noted(lab, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    lab.start()
    assert lab.until(lab.notes)[0].startswith("no container is asked any more")


def test_a_prober_whose_lab_was_killed_ends(unit):
    name = free_name()
    order = (
        '{"every_s": 1, "patience_s": 99, "tries": 1, "endpoints": '
        f'[["push", "node1", "{name}", "127.0.0.1", {preferred_port("push", name)}]]}}\n'
    )
    command = [sys.executable, "-S", "-E", "-m", "lab.history.prober"]
    with server(name):
        # The input ends, as that of a process does whose other end was killed.
        done = subprocess.run(command, cwd=ROOT, input=order, text=True, timeout=20, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b'HTTP/1.1 200 OK\r\n\r\n{"mode": "push", "name": "a", "pid": 7}\n', ""),
        (b'HTTP/1.1 500 No\r\n\r\n{"mode": "push", "name": "a"}', STRANGE),
        (b'HTTP/1.1 200 OK\r\n\r\n{"mode": "pull", "name": "a"}', OTHER),
        (b'HTTP/1.1 200 OK\r\n\r\n["push", "a"]', STRANGE),
        (b"HTTP/1.1 200 OK\r\n\r\n\xff", STRANGE),
        (b'HTTP/1.1 200 OK\r\n\r\n{"mode": "pu', STRANGE),
        (b"", STRANGE),
    ],
)
def test_what_counts_as_an_answer(answer, why):
    assert said(answer, Endpoint("push", "node1", "a", "127.0.0.1", 1)) == why


def test_a_node_is_asked_less_often_the_slower_it_is_and_the_more_it_runs(monkeypatch):
    where = {"push": {"a": ["node1"], "b": ["node1"]}, "pull": {"a": ["node1", "node2"]}}

    def every_s(slowness):
        monkeypatch.setattr(probes, "deadline_s", lambda seconds: slowness * seconds)
        asks = Probes(SimpleNamespace(nodes=NODES), ["push", "pull"], None, where.__getitem__)
        return asks.order()["every_s"]

    assert every_s(20) == pytest.approx(3 * 20 * probes._ANSWER_S / probes._SHARE)
    assert every_s(0.1) == probes._EVERY_S
