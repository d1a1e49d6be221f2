import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from services import web
from services.push.api import make_app
from services.push.push import Push
from tests.push.fake_runner import FakeRunner

Call = Callable[..., requests.Response]


@pytest.fixture
def runner() -> FakeRunner:
    return FakeRunner("node1", "node2", "node3")


@pytest.fixture
def call(runner: FakeRunner) -> Iterator[Call]:
    """HTTP to a real server over `runner`: call("POST", "/container/start", json={...})."""
    server = web.serve(make_app(Push(runner)), "127.0.0.1", 0)
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
    server.trigger.pull_trigger(close)
    thread.join(10)
    server.task_dispatcher.shutdown(timeout=5)
