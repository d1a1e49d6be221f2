"""A process is killed again and again while its threads write; what it acknowledged is there."""

import os
import random
import select
import signal
import threading
import time

import pytest

from services.state import EmbeddedKeys, storage
from tests.state.acknowledged import GONE, Writer, problems, settle

KILLS = 250
# What a life has said at least before it is killed, in turn.
MOMENTS = (b"", b"open", b"told", b"told")
THREADS = 4
LONGEST_S = 0.06
DEADLINE_S = 20


def child(folder, life, pipe):
    """Write from several threads until killed; say what is asked for and what is done."""
    keys = EmbeddedKeys(folder)
    os.write(pipe, b"open\n")

    def work(thread):
        rng = random.Random(life * THREADS + thread)
        for n in range(10**9):
            key = f"t{thread}-{rng.randrange(12)}"
            value = GONE if rng.random() < 0.2 else f"{life}-{n}"
            os.write(pipe, f"ask {thread} {key} {value}\n".encode())
            row = None if value is GONE else {"value": value, "ballast": "x" * 100}
            # Two keys in one commit, so that half of it would show.
            keys.commit({}, {f"wanted/{key}": row, f"placed/{key}": row})
            os.write(pipe, f"told {thread}\n".encode())

    threads = [threading.Thread(target=work, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def spawn(folder, life):
    """Fork: a fresh interpreter would take longer than the life that it is to have."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            child(folder, life, writing)
        finally:
            os._exit(1)
    os.close(writing)
    return pid, reading


def kill_after(pid, pipe, seconds, *, until):
    """All that the child said until it was killed, so many seconds after it had said `until`."""
    said = b""
    try:
        while until not in said:
            assert select.select([pipe], [], [], DEADLINE_S)[0], f"it never says {until!r}"
            before, said = said, said + os.read(pipe, 65536)
            assert said != before, "it ended by itself"
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0:
            if select.select([pipe], [], [], left_s)[0]:
                said += os.read(pipe, 65536)
    finally:
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    while more := os.read(pipe, 65536):
        said += more
    os.close(pipe)
    assert os.WIFSIGNALED(status), "it ended by itself"
    return said


def note(writers, said):
    # The last line may be half: then it was not said.
    for line in said.decode().split("\n")[:-1]:
        act, *rest = line.split(" ")
        if act == "ask":
            number, key, value = rest
            writers[int(number)].ask(key, GONE if value == "None" else value)
        elif act == "told":
            writers[int(rest[0])].told()


def found_in(keys):
    wanted, placed = (
        {item.key.partition("/")[2]: item.value["value"] for item in keys.read(prefix).items}
        for prefix in ("wanted/", "placed/")
    )
    assert wanted == placed, "half a commit"
    return wanted


# Other tests' threads hold no lock that the child needs.
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_killed_at_any_moment_it_keeps_every_commit_that_it_acknowledged(tmp_path, monkeypatch):
    # So that kills fall into the beginnings of generations, too.
    monkeypatch.setattr(storage, "SMALLEST_LIMIT_BYTES", 4096)
    rng = random.Random(20261125)
    writers = [Writer() for _ in range(THREADS)]
    revision = lives = generations = 0
    for life in range(KILLS):
        pid, pipe = spawn(tmp_path, life)
        # On a busy machine some moments would never come, so their order is waited for.
        early, until = life % 4 == 0, MOMENTS[life % 4]
        said = kill_after(pid, pipe, rng.uniform(0, LONGEST_S / (6 if early else 1)), until=until)
        lives += said.startswith(b"open\n")
        note(writers, said)
        keys = EmbeddedKeys(tmp_path)
        found = found_in(keys)
        assert problems(writers, found) == []
        settle(writers, found)
        now = keys.read("").revision
        assert now > revision or not found
        revision = max([now, *(item.revision for item in keys.read("").items)])
        assert not keys.lost or "torn" in keys.problem
        generations = max(int(path.name[-8:]) for path in tmp_path.glob("state-????????"))
        keys.close()
    assert lives >= KILLS - len(range(0, KILLS, 4))
    assert sum(one.acknowledged for one in writers) >= 2 * (KILLS // 4)
    # Each opening begins a generation; there were others.
    assert generations > lives + KILLS + 1
