"""What TinyDB's own JSONStorage takes for the same writes: the ratio's other half.

It writes and syncs the whole file for every change, and is not safe for several threads at once
(tinydb's introduction says so), so clients take turns with a lock.
"""

import itertools
import threading
import time
from pathlib import Path

_fresh = itertools.count()


def per_second(folder: Path, stored: int, clients: int, span_s: float) -> float:
    """Return the durable updates a second of `clients` threads on `stored` documents."""
    from tinydb import TinyDB
    from tinydb.table import Document

    path = folder / f"tinydb-{stored}-{clients}.json"
    lock = threading.Lock()
    done = [0] * clients
    with TinyDB(path) as database:
        table = database.table("placed")
        table.insert_multiple(
            Document({"name": f"c{number:05d}", "node": "node1", "reason": ""}, number + 1)
            for number in range(stored)
        )
        end_s = time.monotonic() + span_s

        def work(client: int) -> None:
            for number in itertools.cycle(range(client, stored, clients)):
                if time.monotonic() >= end_s:
                    return
                with lock:
                    table.update({"node": f"to{next(_fresh)}"}, doc_ids=[number + 1])
                done[client] += 1

        began_s = time.monotonic()
        threads = [threading.Thread(target=work, args=(client,)) for client in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(done) / (time.monotonic() - began_s)
