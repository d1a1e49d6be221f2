"""Kills leaders of etcd under writers, and checks what became of every write.

python -m tests.state.leader_kills [KILLS [HEARTBEAT_MS ELECTION_MS]]
"""

import statistics
import sys
import tempfile
import threading
import time
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from services.state.etcd import EtcdKeys
from services.state.keys import ABSENT, Change, Unavailable
from tests.state.etcd_cluster import Cluster, Timers
from tests.waiting import wait_for

WRITERS = 8
_ROOT = "/pushpull-lab/"
# Commits between two kills.
_CALM = 20


class Write(NamedTuple):
    """A commit. revision: 0 if it is not known what became of it."""

    key: str
    began_s: float
    ended_s: float
    revision: int


class Outcome(NamedTuple):
    """What writers were answered, a watch saw, and etcd has: key -> revision, times written.

    recoveries_s: from each kill to the end of the first commit that began after it.
    """

    writes: list[Write]
    seen: list[Change]
    stored: dict[str, tuple[int, int]]
    recoveries_s: list[float]


def run(cluster: Cluster, kills: int) -> Outcome:
    """Kill the leader `kills` times, and start it again each time."""
    keys = EtcdKeys(cluster.addresses)
    writes: list[Write] = []
    seen: list[Change] = []
    ended = threading.Event()
    watch = keys.watch("", keys.read("").revision)
    with ThreadPoolExecutor(WRITERS + 1) as pool:
        try:
            writing = [pool.submit(_write, keys, n, writes, ended) for n in range(WRITERS)]
            watching = pool.submit(lambda: seen.extend(watch))
            recoveries_s = [_kill_leader(cluster, writes) for _ in range(kills)]
            ended.set()
            for writer in writing:
                writer.result()
            last = keys.commit({}, {"made/last": {}})
            wait_for(lambda: seen and seen[-1].revision == last, "all is seen", timeout_s=30)
        finally:
            ended.set()
            keys.close()
        watching.result()
    return Outcome(writes, seen, _stored(cluster), recoveries_s)


def check(outcome: Outcome) -> None:
    """AssertionError if an acknowledged write was lost, or any write was made twice."""
    stored = outcome.stored
    assert {key: times for key, (_, times) in stored.items() if times != 1} == {}
    acknowledged = {one.key: (one.revision, 1) for one in outcome.writes if one.revision}
    assert {key: at for key, at in acknowledged.items() if stored.get(key) != at} == {}
    seen = {item.key: (change.revision, 1) for change in outcome.seen for item in change.changed}
    assert seen == stored
    revisions = [change.revision for change in outcome.seen]
    assert revisions == sorted(set(revisions))


def _write(keys: EtcdKeys, writer: int, writes: list[Write], ended: threading.Event) -> None:
    """Commit until `ended`, each time another key; odd writers also compare."""
    number = 0
    while not ended.is_set():
        number += 1
        key, began_s = f"made/{writer}-{number}", time.monotonic()
        try:
            revision = keys.commit({key: ABSENT} if writer % 2 else {}, {key: {"n": number}})
        except Unavailable:
            revision = 0
        writes.append(Write(key, began_s, time.monotonic(), revision))


def _kill_leader(cluster: Cluster, writes: list[Write]) -> float:
    calm = len(writes) + _CALM
    wait_for(lambda: len(writes) >= calm, "writers go on", timeout_s=30, every_s=0.01)
    leader, count = cluster.leader(), len(writes)
    cluster.kill(leader)
    killed_s = time.monotonic()

    def recovered() -> float:
        ends = [one.ended_s for one in writes[count:] if one.began_s > killed_s and one.revision]
        return min(ends, default=0.0)

    recovered_s = wait_for(recovered, "an acknowledged commit", timeout_s=30, every_s=0.01)
    cluster.start(leader)
    return recovered_s - killed_s


def _stored(cluster: Cluster) -> dict[str, tuple[int, int]]:
    """Asked of etcd itself, not through our client."""
    return {
        b64decode(kv["key"]).decode()[len(_ROOT) :]: (int(kv["mod_revision"]), int(kv["version"]))
        for kv in cluster.below(_ROOT)
    }


def main(kills: int = 100, heartbeat_ms: int = 100, election_ms: int = 1000) -> None:
    """Kill and check; print the numbers."""
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder), timers=Timers(heartbeat_ms, election_ms))
        try:
            cluster.start()
            outcome = run(cluster, kills)
        finally:
            cluster.stop()
    check(outcome)
    unknown = sum(not one.revision for one in outcome.writes)
    print(f"{kills} leaders killed under {WRITERS} writers: {len(outcome.writes)} writes,")
    print(f"{unknown} of them unknown; no acknowledged write lost, none made twice")
    recoveries_s = sorted(outcome.recoveries_s)
    middle_s, most_s = statistics.median(recoveries_s), recoveries_s[-1]
    late_s = recoveries_s[len(recoveries_s) * 9 // 10]
    print("from a kill to the next acknowledged write:", end=" ")
    print(f"median {middle_s:.2f} s, 90 % within {late_s:.2f} s, most {most_s:.2f} s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
