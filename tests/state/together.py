"""Threads that change a database at the same time, in an order that the test decides."""

import threading

from tests.waiting import wait_for

DEADLINE_S = 20


class Gate:
    """An offload that holds the disk until it is opened."""

    def __init__(self):
        self.opened = threading.Event()
        self.opened.set()
        self.reached = threading.Event()

    def __call__(self, function):
        self.reached.set()
        assert self.opened.wait(DEADLINE_S)
        return function()

    def hold(self):
        self.opened.clear()
        self.reached.clear()


class Together:
    """Threads that each make a change; results and errors by number."""

    def __init__(self):
        self.results, self.errors, self.threads = {}, {}, []

    def start(self, number, change):
        def run():
            try:
                self.results[number] = change()
            except Exception as error:
                self.errors[number] = error

        self.threads.append(threading.Thread(target=run))
        self.threads[-1].start()

    def join(self):
        for thread in self.threads:
            thread.join(DEADLINE_S)
            assert not thread.is_alive()


def queue(db, together, numbers, published=None):
    """Start changes that have to wait, in this order."""
    for number in numbers:
        before = len(db._queue)
        together.start(
            number,
            lambda number=number: db.change(
                lambda: db.table("t").put(f"r{number}", {"n": number}) or number, published
            ),
        )
        wait_for(lambda before=before: len(db._queue) > before, "it waits", timeout_s=DEADLINE_S)


def held(db, gate):
    """A change that the disk holds."""
    gate.hold()
    together = Together()
    together.start(0, lambda: db.change(lambda: db.table("t").put("r0", {"n": 0}) or 0))
    assert gate.reached.wait(DEADLINE_S)
    return together
