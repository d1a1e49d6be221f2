"""A commit to etcd whose answers are lost or late is made once, or not at all."""

import threading
import time
from typing import Any

import pytest

from services.state import etcd as etcd_module
from services.state.gateway import RANGE, TXN, text
from services.state.keys import ABSENT, Conflict, Unavailable
from tests.state.in_front import behind


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
        for times in (1, 2):
            began_s = time.monotonic()
            with pytest.raises(Unavailable):
                keys.commit({}, {"a/1": {}})
            assert time.monotonic() - began_s < 3
            assert versions(etcd, prefix, "a/1") == [times]
        revision = keys.commit({"a/2": ABSENT}, {"a/2": {}})
        assert keys.read("a/2").items[0].revision == revision
        assert len(etcd.below(f"{prefix}-commit/")) == 1  # of markers


def test_one_commit_at_a_time_needs_one_marker_however_many_get_no_answer(
    etcd, prefix, monkeypatch
):
    monkeypatch.setattr(etcd_module, "_LIMIT_S", 0.5)
    lost = threading.Event()

    def act(path, request, ask):
        answer = ask()
        return None if path == TXN and lost.is_set() else answer

    with behind(etcd, act, prefix) as (keys, _):
        lost.set()
        for _ in range(3):
            with pytest.raises(Unavailable):
                keys.commit({}, {"a/1": {}})
        lost.clear()
        keys.commit({"a/1": ABSENT}, {"a/1": {}})
        assert len(etcd.below(f"{prefix}-commit/")) == 1


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
