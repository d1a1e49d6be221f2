"""EtcdKeys and answers that are lost, late, of the past, or not etcd's."""

import socket
import threading
import time
from contextlib import contextmanager
from typing import Any

import pytest

from services.state import etcd as etcd_module
from services.state.etcd import EtcdKeys
from services.state.gateway import RANGE, TXN, text
from services.state.keys import ABSENT, Conflict, Unavailable
from tests.serving import unused_port
from tests.state.in_front import in_front


@contextmanager
def opened(*addresses, prefix, **options):
    keys = EtcdKeys(addresses, prefix=prefix, **options)
    try:
        yield keys
    finally:
        keys.close()


@contextmanager
def behind(cluster, act, prefix):
    """The keys of `prefix` through `act`, and without it."""
    with (
        in_front(cluster, act) as address,
        opened(address, prefix=prefix) as keys,
        opened(*cluster.addresses, prefix=prefix) as direct,
    ):
        yield keys, direct


def writes(request, prefix, key):
    """Whether `request` is a transaction that puts `key`."""
    puts = [one.get("request_put", {}).get("key") for one in request.get("success", ())]
    return text(f"{prefix}/{key}") in puts


def versions(cluster, prefix, key):
    """How often `key` was written since it exists, says etcd."""
    kvs = cluster.ask(0, RANGE, {"key": text(f"{prefix}/{key}")}).get("kvs", [])
    return [int(kv["version"]) for kv in kvs]


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_a_commit_whose_answers_are_lost_is_written_once(etcd, prefix, lost):
    left = [lost]

    def act(path, request, ask):
        answer = ask()
        if writes(request, prefix, "a/1") and left[0]:
            left[0] -= 1
            return None
        return answer

    with behind(etcd, act, prefix) as (keys, direct):
        revision = keys.commit({}, {"a/1": {}})
        assert left == [0]
        assert [item.revision for item in direct.read("").items] == [revision]
        assert versions(etcd, prefix, "a/1") == [1]
        assert keys.commit({"a/1": revision}, {"a/1": {}}) > revision


def test_the_answer_to_the_first_transaction_of_all_may_be_lost(etcd, prefix):
    lost: list[Any] = []

    def act(path, request, ask):
        answer = ask()
        if path == TXN and not lost:
            lost.append(request)
            return None
        return answer

    with behind(etcd, act, prefix) as (keys, _):
        keys.commit({"a/1": ABSENT}, {"a/1": {}})
        assert lost
        assert versions(etcd, prefix, "a/1") == [1]


def test_a_commit_that_never_gets_an_answer_is_unavailable_in_time(etcd, prefix, monkeypatch):
    monkeypatch.setattr(etcd_module, "_LIMIT_S", 1.0)

    def act(path, request, ask):
        answer = ask()
        return None if writes(request, prefix, "a/1") else answer

    with behind(etcd, act, prefix) as (keys, _):
        began_s = time.monotonic()
        with pytest.raises(Unavailable):
            keys.commit({}, {"a/1": {}})
        assert time.monotonic() - began_s < 3
        assert versions(etcd, prefix, "a/1") == [1]


def test_a_commit_whose_marker_is_gone_before_it_is_answered_is_not_made_again(etcd, prefix):
    lost: list[Any] = []

    def act(path, request, ask):
        answer = ask()
        if writes(request, prefix, "a/1") and not lost:
            lost.append(request)
            lease = request["success"][0]["request_put"]["lease"]
            etcd.ask(0, "/v3/lease/revoke", {"ID": lease})
            return None
        return answer

    with behind(etcd, act, prefix) as (keys, _):
        with pytest.raises(Unavailable, match="the lease ran out"):
            keys.commit({}, {"a/1": {}})
        assert versions(etcd, prefix, "a/1") == [1]


def test_a_commit_that_arrives_after_its_conflict_was_said_does_nothing(etcd, prefix):
    late: list[Any] = []

    def act(path, request, ask):
        if writes(request, prefix, "a/1") and not late:
            late.append(ask)
            direct.commit({}, {"a/1": {"by": "another"}})
            return None
        return ask()

    with behind(etcd, act, prefix) as (keys, direct):
        with pytest.raises(Conflict):
            keys.commit({"a/1": ABSENT}, {"a/1": {}})
        direct.commit({}, {"a/1": None})
        (send,) = late
        send()
        assert direct.read("").items == ()


def test_a_commit_that_arrives_before_its_conflict_is_said_was_made(etcd, prefix):
    late: list[Any] = []
    sent: list[Any] = []

    def act(path, request, ask):
        if writes(request, prefix, "a/1") and not late:
            late.append(ask)
            direct.commit({}, {"a/1": {"by": "another"}})
            return None
        answer = ask()
        if writes(request, prefix, "a/1") and not sent:
            assert not answer.get("succeeded")
            direct.commit({}, {"a/1": None})
            sent.append(late[0]())
        return answer

    with behind(etcd, act, prefix) as (keys, direct):
        revision = keys.commit({"a/1": ABSENT}, {"a/1": {}})
        assert [(item.revision, item.value) for item in direct.read("").items] == [(revision, {})]


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
        addresses = ("127.0.0.1", unused_port()), silent.getsockname(), ("bad..name", 2379)
        with opened(*addresses, prefix=prefix) as keys, pytest.raises(Unavailable) as caught:
            keys.read("")
    assert "Connection refused" in str(caught.value)
    assert "no answer in time" in str(caught.value)
    assert "bad..name:2379: " in str(caught.value)
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
