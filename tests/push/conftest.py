import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from services.push.api import make_app
from services.push.fleet import Fleet
from services.push.inventory import Inventory
from services.push.push import Push
from services.web import listen
from services.web.threaded import serve
from tests.push.fake_runner import FakeRunner
from tests.push.sshd import LIMITS, SshNode, new_key, user

Call = Callable[..., requests.Response]


@pytest.fixture
def runner() -> FakeRunner:
    return FakeRunner("node1", "node2", "node3")


@pytest.fixture
def call(runner: FakeRunner) -> Iterator[Call]:
    """HTTP to a real server over `runner`: call("POST", "/container/start", json={...})."""
    server = serve(make_app(Push(runner)), listen("127.0.0.1", 0))
    thread = threading.Thread(target=server.run)
    thread.start()
    session = requests.Session()
    session.trust_env = False

    def call(method: str, path: str, **kwargs: Any) -> requests.Response:
        url = f"http://127.0.0.1:{server.effective_port}{path}"
        return session.request(method, url, timeout=20, **kwargs)

    yield call
    session.close()

    def close() -> None:
        for channel in list(server.active_channels.values()):
            channel.handle_close()
        server.close()

    # In the server's own thread: waitress shares nothing of this between threads.
    with contextlib.suppress(OSError):  # it was awake already, and has closed the trigger too
        server.trigger.pull_trigger(close)
    thread.join(10)
    server.task_dispatcher.shutdown(timeout=5)


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
