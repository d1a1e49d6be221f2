"""Clients that write all the time, and note what they were told."""

import random
import threading
from contextlib import contextmanager

import requests

from services.core.catalogue import IMAGES
from tests.serving import Client
from tests.state.acknowledged import GONE, Writer

HEADERS = {"Prefer": "return=minimal"}


def write(writer, number, server, over, turns):
    """Put and delete containers of writer `number` until the server is gone or `over` is set."""
    client = Client(server.admin)
    rng = random.Random()
    try:
        while not over.is_set():
            name = f"w{number}-{rng.randrange(12)}"
            image = GONE if rng.random() < 0.2 else rng.choice(sorted(IMAGES))
            method, body = ("DELETE", {}) if image is GONE else ("PUT", {"json": {"image": image}})
            writer.ask(name, image)
            answer = client(method, f"/api/containers/{name}", headers=HEADERS, **body)
            assert answer.ok, answer.text
            writer.told()
            turns.append(answer.json()["revision"])
    except requests.RequestException:
        pass  # it was ended under us: this one may be there or not
    finally:
        client.close()


@contextmanager
def writing(server, count, writers=(), revisions=None):
    """Let `count` clients write to `server` until the block ends; yields their notes.

    writers: notes to go on with. revisions: gets those that were answered.
    """
    writers = list(writers) or [Writer() for _ in range(count)]
    over = threading.Event()
    turns = [] if revisions is None else revisions
    threads = [
        threading.Thread(target=write, args=(writer, number, server, over, turns))
        for number, writer in enumerate(writers)
    ]
    for thread in threads:
        thread.start()
    try:
        yield writers
    finally:
        over.set()
        for thread in threads:
            thread.join(20)
            assert not thread.is_alive()


def images(server):
    """Container -> image, as the server has it."""
    client = Client(server.admin)
    listed = client("GET", "/api/containers").json()["containers"]
    client.close()
    return {item["name"]: item["image"] for item in listed}
