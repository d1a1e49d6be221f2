"""A recorder at the other end of a connection."""

import json
import os
import threading
from contextlib import contextmanager, suppress
from types import SimpleNamespace

from lab.history import guests
from provisioning import topology
from tests.waiting import wait_for

NODE = topology.load().node("node1")
AHEAD_S = 1000.0


class Guest:
    """A recorder at the other end of a connection. Its clock is AHEAD_S ahead of the writer's."""

    def __init__(self, writer):
        self.writer = writer
        self.boot, self.instance, self.oldest = "one", 1, 1
        self.records = []
        self.asked = []
        self.reachable = threading.Event()
        self.reachable.set()
        self.ended = 0
        self.stood_still_s = 0.0

    def now_s(self):
        return self.writer.now_s() + AHEAD_S - self.stood_still_s

    def happen(self, pull, at_s=None):
        record = {
            "number": len(self.records) + 1,
            "at_s": self.now_s() if at_s is None else at_s,
            "push": [],
            "pull": pull,
            "units": [],
        }
        self.records.append(record)

    @contextmanager
    def channel(self, machine, port):
        assert (machine, port) == (NODE, guests.PORT)
        said, answers = os.pipe(), os.pipe()
        thread = threading.Thread(target=self._serve, args=(said[0], answers[1]))
        thread.start()
        with os.fdopen(said[1], "wb", 0) as to, os.fdopen(answers[0], "rb", 0) as come:
            yield SimpleNamespace(stdin=to, stdout=come)
        thread.join(20)

    def cut(self):
        """Break the connection, and let no other come about until `reachable` is set."""
        ended = self.ended
        self.reachable.clear()
        wait_for(lambda: self.ended > ended, "the connection is cut", timeout_s=20)

    def _serve(self, said, answers):
        # As a guest's: the other side may close at any moment.
        with suppress(BrokenPipeError):
            self._talk(said, answers)
        self.ended += 1

    def _talk(self, said, answers):
        with os.fdopen(said) as lines, os.fdopen(answers, "w") as out:

            def say(**fields):
                out.write(json.dumps(fields) + "\n")
                out.flush()

            if not self.reachable.is_set():
                return
            who = {"boot": self.boot, "instance": self.instance}
            numbers = {"oldest": self.oldest, "newest": len(self.records)}
            say(**who, now_s=self.now_s(), **numbers)
            sent = 0
            for line in lines:
                word, text = line.split()
                if word == "after":
                    self.asked.append(int(text))
                    sent = int(text)
                    continue
                if not self.reachable.is_set():
                    return
                for record in self.records[sent:]:
                    say(**record)
                sent = len(self.records)
                say(pong=[text], now_s=self.now_s())
