"""EtcdKeys and members that are slow, of the past, absent, or not etcd at all."""

import socket
import threading
import time
from typing import Any

import pytest

from services.state import etcd as etcd_module
from services.state.gateway import RANGE
from services.state.keys import Unavailable
from tests.serving import unused_port
from tests.state.in_front import behind, in_front, opened

LEADER_CHANGED = {"error": "", "message": "etcdserver: leader changed", "code": 14}


def test_an_etcd_without_a_leader_is_asked_again(etcd, prefix):
    left = [LEADER_CHANGED] * 3

    with behind(etcd, lambda path, request, ask: left.pop() if left else ask(), prefix) as (
        keys,
        _,
    ):
        keys.commit({}, {"a/1": {}})
    assert left == []


def test_an_etcd_that_is_slow_gets_more_time(etcd, prefix):
    def act(path, request, ask):
        time.sleep(0.15)
        return ask()

    with behind(etcd, act, prefix) as (keys, _):
        keys.commit({}, {"a/1": {}})


def test_a_read_gets_more_time_than_a_commit_also_on_a_connection_of_that(etcd, prefix):
    reads: list[Any] = []

    def act(path, request, ask):
        if path == RANGE:
            reads.append(request)
            time.sleep(0.3)
        return ask()

    with behind(etcd, act, prefix) as (keys, _):
        keys.commit({}, {"a/1": {}})
        assert len(keys.read("").items) == len(reads) == 1


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("cluster_id", "42", "another cluster"),
        ("raft_term", "0", "in term 0"),
        ("revision", "1", "is at revision 1 "),
    ],
)
def test_a_member_whose_answers_may_be_of_the_past_is_refused(etcd, prefix, field, value, says):
    altered: dict[str, str] = {}

    def act(path, request, ask):
        answer = ask()
        return {**answer, "header": {**answer["header"], **altered}}

    with (
        in_front(etcd, act) as address,
        opened(address, prefix=prefix) as keys,
        opened(address, etcd.addresses[1], prefix=prefix) as failing_over,
    ):
        for one in (keys, failing_over):
            one.commit({}, {"a/1": {}})
        altered[field] = value
        for call in (lambda: keys.read(""), lambda: keys.commit({}, {"a/1": {}})):
            with pytest.raises(Unavailable, match=says) as caught:
                call()
            assert "restart all state servers" in caught.value.hint
        assert len(failing_over.read("").items) == 1


def test_endpoints_that_do_not_answer_are_named_with_a_hint(prefix, monkeypatch):
    monkeypatch.setattr(etcd_module, "_LIMIT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        addresses = ("bad..name", 2379), ("127.0.0.1", unused_port()), silent.getsockname()
        with opened(*addresses, prefix=prefix) as keys, pytest.raises(Unavailable) as caught:
            keys.read("")
    assert "Connection refused" in str(caught.value)
    assert "no answer in time" in str(caught.value)
    assert "bad..name:2379: encoding with" in str(caught.value)
    assert "etcdctl" in caught.value.hint


def test_half_of_the_endpoints_may_be_down(etcd, prefix):
    dead = [("127.0.0.1", unused_port()) for _ in etcd.addresses]
    with opened(*dead, *etcd.addresses, prefix=prefix) as keys:
        revision = keys.commit({}, {"a/1": {}})
        assert keys.read("").items[0].revision == revision


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n[{}]",
        b'HTTP/1.1 200 OK\r\nContent-Length: 28\r\n\r\n{"header": {"cluster_id": 1}}',
        b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
    ],
    ids=["ssh", "a page", "another API", "a list", "half a header", "HTTPS"],
)
def test_what_is_not_etcd_is_said_so_at_once(prefix, answer):
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer_all, args=(server, answer))
        thread.start()
        began_s = time.monotonic()
        with opened(server.getsockname(), prefix=prefix) as keys:
            with pytest.raises(Unavailable) as caught:
                keys.read("")
            assert time.monotonic() - began_s < 3
            assert "--listen-client-urls" in caught.value.hint
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def answer_all(server, answer):
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            connection.recv(65536)
            connection.sendall(answer)
