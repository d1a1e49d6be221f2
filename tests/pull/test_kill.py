"""The real server is killed again and again under writers; what it acknowledged is there."""

import random
import time

from tests.pull.writers import images, writing
from tests.serving import Client, StateServer
from tests.state.acknowledged import problems, settle

KILLS = 30
CLIENTS = 8
LONGEST_S = 0.3


def revision_of(server):
    client = Client(server.admin)
    revision = client("GET", "/api/events").json()["revision"]
    client.close()
    return revision


def test_kill_9_at_any_moment_loses_nothing_that_was_acknowledged(tmp_path):
    writers: list = []
    highest = 0
    rng = random.Random()
    for _ in range(KILLS):
        server = StateServer(tmp_path / "data")
        try:
            found = images(server)
            assert problems(writers, found) == []
            settle(writers, found)
            assert revision_of(server) >= highest, "a revision never comes again"
            assert not any("REPAIRED" in line for line in server.said)
            revisions: list[int] = []
            with writing(server, CLIENTS, writers, revisions) as writers:
                time.sleep(rng.uniform(0, LONGEST_S))  # no condition: any moment will do
                server.kill()
            highest = max([highest, *revisions])
        finally:
            server.kill()
    assert sum(writer.acknowledged for writer in writers) > 10 * KILLS
