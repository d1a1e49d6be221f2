"""Kills the state server again and again under writers, and checks what became of every write.

python -m tests.pull.server_kills [KILLS]: over three members of etcd on loopback.
"""

import random
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from tests.pull.writers import images, writing
from tests.serving import Client, StateServer
from tests.state.acknowledged import Writer, problems, settle
from tests.state.etcd_cluster import Cluster

CLIENTS = 8
LONGEST_S = 0.3


class Counts(NamedTuple):
    """Of writes. unknown: the server was killed before it answered. made: of these."""

    acknowledged: int
    unknown: int
    made: int


def run(start: Callable[[], StateServer], kills: int) -> Counts:
    """Start and kill a server `kills` times; AssertionError if what it acknowledged is lost."""
    writers: list[Writer] = []
    highest = unknown = made = 0
    for life in range(kills + 1):
        server = start()
        try:
            found = images(server)
            assert problems(writers, found) == []
            asked = [one.asked for one in writers if one.asked]
            unknown += len(asked)
            made += sum(found.get(name) == image for name, image in asked)
            settle(writers, found)
            assert _revision(server) >= highest, "a revision never comes again"
            assert not any("REPAIRED" in line for line in server.said)
            if life == kills:
                break
            revisions: list[int] = []
            with writing(server, CLIENTS, writers, revisions) as writers:
                time.sleep(random.uniform(0, LONGEST_S))  # no condition: any moment will do
                server.kill()
            highest = max([highest, *revisions])
        finally:
            server.kill()
    return Counts(sum(writer.acknowledged for writer in writers), unknown, made)


def _revision(server: StateServer) -> int:
    with closing(Client(server.admin)) as client:
        return int(client("GET", "/api/events").json()["revision"])


def main(kills: int = 250) -> None:
    """Kill and check; print the numbers."""
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder))
        try:
            cluster.start()
            counts = run(lambda: StateServer(Path(folder) / "data", etcd=cluster.addresses), kills)
        finally:
            cluster.stop()
    print(f"{kills} state servers killed under {CLIENTS} writers, over three members of etcd:")
    print(f"{counts.acknowledged} writes acknowledged, none lost;")
    print(f"{counts.unknown} without an answer, {counts.made} of them made")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
