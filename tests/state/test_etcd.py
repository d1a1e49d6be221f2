"""EtcdKeys over real members: failover, quorum, watches, the lease, and what others wrote there."""

import re
import shutil
import threading
import time
from base64 import b64decode
from contextlib import closing

import pytest

from services.state import etcd as etcd_module
from services.state import once as once_module
from services.state.etcd import EtcdKeys
from services.state.gateway import RANGE, text
from services.state.keys import SEEN, Compacted, Unavailable
from tests.state import leader_kills
from tests.state.etcd_cluster import Cluster
from tests.state.test_keys import BOUND_S, Following
from tests.waiting import wait_for


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    """Three members that these tests may stop."""
    cluster = Cluster(tmp_path_factory.mktemp("mortal"))
    try:
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def mortal(members):
    """The same; all of them serve."""
    members.start()
    return members


@pytest.fixture
def keys(etcd, prefix):
    """A store of kinds a and seen, in the etcd of all tests."""
    with closing(EtcdKeys(etcd.addresses, prefix=prefix, kinds=("a", "seen"))) as keys:
        yield keys


def put(cluster, key, value, **more):
    cluster.ask(0, "/v3/kv/put", {"key": text(key), "value": text(value), **more})


def first_change(keys, after):
    """The next change; StopIteration if none comes."""
    ending = threading.Timer(BOUND_S, keys.close)
    ending.start()
    try:
        return next(keys.watch("", after))
    finally:
        ending.cancel()


def remaining_s(cluster, lease):
    return int(cluster.ask(0, "/v3/lease/timetolive", {"ID": lease})["TTL"])


def test_leaders_killed_under_writers_cost_no_write(mortal):
    leader_kills.check(leader_kills.run(mortal, kills=10))


def test_without_most_members_requests_end_in_time_and_go_on_after_it(mortal, monkeypatch):
    monkeypatch.setattr(etcd_module, "_LIMIT_S", 2.0)
    with closing(EtcdKeys(mortal.addresses)) as keys:
        following = Following(keys, "", keys.commit({}, {"a/1": {"n": 1}}))
        for member in (0, 1):
            mortal.kill(member)
        for call in (lambda: keys.commit({}, {"a/1": {"n": 2}}), lambda: keys.read("")):
            began_s = time.monotonic()
            with pytest.raises(Unavailable) as caught:
                call()
            assert time.monotonic() - began_s < 4
            assert "etcdctl" in caught.value.hint
        mortal.start(0, 1)
        revision = keys.commit({}, {"a/1": {"n": 3}})
        last = wait_for(
            lambda: [one for one in following.changes if one.revision == revision],
            "the watch goes on",
            timeout_s=20,
        )
        assert last[0].changed[0].value == {"n": 3}
        keys.close()
        following.thread.join()


@pytest.mark.parametrize("trouble", ["kill", "pause"])
def test_a_watch_leaves_a_member_that_is_lost(mortal, trouble):
    with closing(EtcdKeys(mortal.addresses)) as keys:
        before = keys.commit({}, {"a/1": {}})
        following = Following(keys, "", before)
        first = keys.commit({}, {"a/1": {}})
        following.wait(1)
        getattr(mortal, trouble)(0)  # it is named first, so it is asked first
        second = keys.commit({}, {"a/1": {}})
        assert [change.revision for change in following.wait(2)] == [first, second]
        keys.close()
        following.thread.join()


def test_a_watch_of_what_is_compacted_says_so(keys, etcd):
    before = keys.commit({}, {"a/1": {}})
    last = keys.commit({}, {"a/1": {"n": 2}})
    etcd.ask(0, "/v3/kv/compaction", {"revision": str(last), "physical": True})
    with pytest.raises(Compacted):
        first_change(keys, before - 1)
    following = Following(keys, "", last)
    assert following.wait(0) == []
    keys.close()
    following.thread.join()


def test_of_many_foreign_keys_some_are_named(keys, etcd, prefix, caplog, monkeypatch):
    monkeypatch.setattr(etcd_module, "_MOST_FOREIGN", 3)
    for n in range(5):
        put(etcd, f"{prefix}/b/{n}", "not JSON")
    assert keys.read("").items == ()
    assert len(caplog.records) == len(keys._foreign) == 3


def test_a_foreign_key_is_ignored_and_said_once(keys, etcd, prefix, caplog):
    before = keys.commit({}, {"a/1": {}})
    following = Following(keys, "", before)
    for foreign in ("b/1", "x"):
        put(etcd, f"{prefix}/{foreign}", "not JSON")
    last = keys.commit({}, {"a/1": {}})
    for _ in range(2):
        assert [item.key for item in keys.read("").items] == ["a/1"]
    assert [change.revision for change in following.wait(1)] == [last]
    said = [record.getMessage() for record in caplog.records]
    assert sum(f"{prefix}/b/1" in line for line in said) == 1
    keys.close()
    following.thread.join()


@pytest.mark.parametrize("value", ["", "{", "[]", "1", "\0"])
def test_without_a_value_that_is_damaged_nothing_is_read(keys, etcd, prefix, value):
    before = keys.commit({}, {"a/1": {}, "a/2": {}, "seen/1": {}})
    put(etcd, f"{prefix}/a/1", value)
    with pytest.raises(Unavailable, match=f"the value of '{prefix}/a/1'") as caught:
        keys.read("")
    assert f"etcdctl del '{prefix}/a/1'" in caught.value.hint
    with pytest.raises(Compacted):
        first_change(keys, before)
    assert len(keys.read("seen/").items) == 1
    keys.commit({}, {"a/1": {"n": 1}})
    assert keys.read("a/").items[0].value == {"n": 1}


def test_etcd_without_space_says_how_to_make_some(keys, etcd):
    keys.commit({}, {"a/1": {}})
    member = etcd.ask(0, RANGE, {"key": "AA=="})["header"]["member_id"]
    alarm = {"memberID": member, "alarm": "NOSPACE"}
    etcd.ask(0, "/v3/maintenance/alarm", {**alarm, "action": "ACTIVATE"})
    try:
        with pytest.raises(Unavailable, match="space exceeded") as caught:
            keys.commit({}, {"a/1": {}})
        assert "etcdctl alarm disarm" in caught.value.hint
        assert len(keys.read("").items) == 1
    finally:
        etcd.ask(0, "/v3/maintenance/alarm", {**alarm, "action": "DEACTIVATE"})
    keys.commit({}, {"a/1": {}})


def test_an_etcd_that_is_set_back_to_an_older_state_is_refused(tmp_path, caplog):
    cluster = Cluster(tmp_path, size=1)
    cluster.start()
    try:
        with closing(EtcdKeys(cluster.addresses)) as keys:
            keys.commit({}, {"a/1": {"n": 1}})
            cluster.kill(0)
            shutil.copytree(tmp_path / "m0", tmp_path / "old")
            cluster.start()
            following = Following(keys, "", keys.commit({}, {"a/1": {"n": 2}}))
            cluster.kill(0)
            shutil.rmtree(tmp_path / "m0")
            (tmp_path / "old").rename(tmp_path / "m0")
            cluster.start()
            with pytest.raises(Unavailable, match="and etcd was at"):
                keys.read("")
            refused = re.compile("no changes come from etcd: .* and etcd was at")
            wait_for(lambda: refused.search(caplog.text), "no watch begins", timeout_s=20)
        following.thread.join()
        with closing(EtcdKeys(cluster.addresses)) as another:
            assert another.read("").items[0].value == {"n": 1}
    finally:
        cluster.stop()


def test_what_is_seen_has_a_lease_of_this_process_and_what_is_wanted_has_none(keys, etcd, prefix):
    keys.commit({}, {"a/1": {}, f"{SEEN}1": {}})
    leases = {b64decode(kv["key"]).decode(): kv.get("lease", "") for kv in etcd.below(prefix)}
    assert leases.pop(f"{prefix}/a/1") == ""
    assert f"{prefix}/seen/1" in leases
    (lease,) = set(leases.values())
    assert remaining_s(etcd, lease) > 50
    keys.close()
    assert len(etcd.below(f"{prefix}/")) == 2  # another server may still need them


def test_the_lease_is_kept_alive(etcd, prefix, monkeypatch):
    monkeypatch.setattr(once_module, "_KEEP_ALIVE_S", 1.5)
    monkeypatch.setattr(once_module, "_LOOK_S", 0.1)
    with closing(EtcdKeys(etcd.addresses, prefix=prefix)) as keys:
        keys.commit({}, {f"{SEEN}1": {}})
        lease = etcd.below(f"{prefix}/")[0]["lease"]
        least_s: list[int] = []

        def rose():
            least_s.append(min([remaining_s(etcd, lease), *least_s[-1:]]))
            return remaining_s(etcd, lease) > least_s[-1]

        wait_for(rose, "the lease has more time again", timeout_s=20)


def test_a_lease_that_was_lost_is_replaced(keys, etcd, prefix):
    keys.commit({}, {f"{SEEN}1": {}})
    lease = etcd.below(f"{prefix}/")[0]["lease"]
    etcd.ask(0, "/v3/lease/revoke", {"ID": lease})
    assert keys.read(SEEN).items == ()
    revision = keys.commit({}, {f"{SEEN}1": {}})
    assert [item.revision for item in keys.read(SEEN).items] == [revision]
