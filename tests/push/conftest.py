import json
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from services.push.api import THREADS, make_app
from services.push.fleet import Fleet
from services.push.inventory import Inventory
from services.push.push import Push
from tests.push.fake_runner import FakeRunner
from tests.push.sshd import LIMITS, SshNode, new_key, user
from tests.serving import Client, serving


@pytest.fixture
def runner() -> FakeRunner:
    return FakeRunner("node1", "node2", "node3")


@pytest.fixture
def call(runner: FakeRunner) -> Iterator[Client]:
    """HTTP to a real server over `runner`: call("POST", "/container/start", json={...})."""
    with serving(make_app(Push(runner)), threads=THREADS) as [address]:
        client = Client(address)
        yield client
        client.close()


@pytest.fixture(scope="session")
def key(tmp_path_factory):
    return new_key(tmp_path_factory.mktemp("client") / "key")


@pytest.fixture
def node(tmp_path, key):
    folder = tmp_path / "node1"
    folder.mkdir()
    node = SshNode("node1", folder, key)
    node.start()
    yield node
    (folder / "go").touch()
    node.stop()


@pytest.fixture
def connect(node, key, tmp_path):
    """Build a Fleet of the real node and of `others`, trusting the host keys of `known`."""

    def connect(*others, known=None, limits=LIMITS, private=key):
        file = tmp_path / "known_hosts"
        file.write_text(node.known_hosts() if known is None else known)
        inventory = Inventory(user(), private, file, (node.target, *others))
        return Fleet(inventory, limits, node.places)

    return connect


@pytest.fixture
def silent_port():
    """A server that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def inventory(tmp_path):
    """Write an inventory of one node at a port, or of other fields; return its path."""

    def write(port=1, **changes):
        for name in ("key", "known_hosts"):
            (tmp_path / name).touch()
        fields = {
            "user": "root",
            "key": str(tmp_path / "key"),
            "known_hosts": str(tmp_path / "known_hosts"),
            "nodes": [{"name": "node1", "address": "127.0.0.1", "port": port}],
        }
        file = tmp_path / "inventory.json"
        file.write_text(json.dumps(fields | changes))
        return file

    return write


@pytest.fixture
def run():
    """Start the process with `arguments`; it is killed at the end if it still runs."""
    processes = []

    def run(*arguments):
        argv = [sys.executable, "-m", "services.push", *map(str, arguments)]
        process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        return process

    yield run
    for process in processes:
        with process:
            process.kill()
