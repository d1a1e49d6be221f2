"""HTTP to the two APIs, as a user's curl sees them: on this machine's loopback."""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import requests

from provisioning.topology import Topology, host_ports
from services.core import wire, wire_nodes
from services.core.errors import ApiRefused, ApiUnreachable
from services.core.model import KEEP, Node, Placed

CONNECT_S = 3.0
READ_S = 15.0
# Push answers an order when it is carried out: a container's unit may take 60 s to serve, and a
# start of the same name that is under way is waited for.
ORDER_S = 70.0
# How long one question waits for a change: well below what proxies and tunnels are patient for.
WAIT_S = 20.0
_UNCHANGED = 304
# Between two looks at a server that cannot be asked to wait.
_UNTAGGED_S = 0.2


class Seen(NamedTuple):
    """What a path answered, and the tag by which to ask whether that is still so."""

    content: Any
    tag: str


class Running(NamedTuple):
    """Push's list: (container, node) as the nodes said just now, and who did not answer."""

    containers: tuple[Placed, ...]
    unreachable: tuple[str, ...]


class Declared(NamedTuple):
    """Pull's list: what is wanted and where it was put. running: what nodes report as ready."""

    containers: tuple[Placed, ...]
    running: frozenset[str]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(placed.name for placed in self.containers)


class Load(NamedTuple):
    """One node. placed: containers that it should run; running: those that it said it runs."""

    node: Node
    placed: tuple[str, ...]
    running: tuple[str, ...]


class Api:
    """JSON to one API. Raises ApiUnreachable when it is silent, ApiRefused when it says no."""

    def __init__(self, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}"
        self._session = requests.Session()
        # A proxy of the environment must not see, or fail, what goes to our own loopback.
        self._session.trust_env = False
        # A kept connection dies with the API, and the next request would fail for the wrong reason.
        # So none is kept, also by a server that closes it without having said that it would.
        self._session.headers["Connection"] = "close"

    def request(
        self, method: str, path: str, body: object = None, *, read_s: float = READ_S
    ) -> Any:
        """Return the decoded answer. body: sent as JSON unless None."""
        return _content(self._exchange(method, path, body, {}, read_s))

    def watch(self, path: str, tag: str = "", *, wait_s: float = WAIT_S) -> Seen | None:
        """Return what `path` says once it is no longer what `tag` was; None if it stays so.

        Without a tag it answers at once. wait_s: how long the server waits for a change.
        """
        headers = {"If-None-Match": tag} if tag else {}
        joint = "&" if "?" in path else "?"
        asked = f"{path}{joint}wait={wait_s:g}" if tag else path
        answer = self._exchange("GET", asked, None, headers, READ_S + wait_s)
        if answer.status_code == _UNCHANGED:
            return None
        return Seen(_content(answer), answer.headers.get("ETag", ""))

    def _exchange(
        self, method: str, path: str, body: object, headers: Mapping[str, str], read_s: float
    ) -> requests.Response:
        url = f"{self._base}{path}"
        try:
            return self._session.request(
                method, url, json=body, headers=headers, timeout=(CONNECT_S, read_s)
            )
        except requests.RequestException as error:
            raise ApiUnreachable(url, _reason(error)) from None
        finally:
            self._session.close()

    def healthy(self) -> bool:
        """Whether GET /healthz answers."""
        try:
            self.request("GET", "/healthz", read_s=CONNECT_S)
        except (ApiUnreachable, ApiRefused):
            return False
        return True


class PushClient(Api):
    """The imperative API."""

    def start(self, name: str, node: str | None = None) -> None:
        """Run container `name` on `node` (None: the next one in turn), unless it runs already."""
        body = {"name": name} if node is None else {"name": name, "node": node}
        self.request("POST", "/container/start", body, read_s=ORDER_S)

    def stop(self, name: str) -> None:
        """Stop container `name`; one that runs nowhere is fine."""
        try:
            self.request("POST", "/container/stop", {"name": name}, read_s=ORDER_S)
        except ApiRefused as error:
            if error.status != 404:
                raise

    def running(self) -> Running:
        body = self.request("GET", "/containers")
        silent = body.get("unreachable", [])
        return Running(wire.load_placed(body), tuple(str(node) for node in silent))


class PullClient(Api):
    """The declarative API."""

    def declare(self, name: str, node: str | None = None, on_disconnect: str = KEEP) -> None:
        """Want container `name`; one that is wanted already stays as it is.

        node: where it starts; None: wherever the scheduler likes.
        """
        wanted = {"name": name, "on_disconnect": on_disconnect}
        self.request(
            "POST", "/api/containers", wanted if node is None else {**wanted, "node": node}
        )

    def delete(self, name: str) -> None:
        """Want container `name` no longer; one that was never wanted is fine."""
        try:
            self.request("DELETE", f"/api/containers/{name}")
        except ApiRefused as error:
            if error.status != 404:
                raise

    def declared(self) -> Declared:
        return _declared(self.request("GET", "/api/containers"))

    def await_declared(self, done: Callable[[Declared], bool], *, timeout_s: float) -> bool:
        """Return True as soon as the list is `done`, False if it is not after `timeout_s`.

        Asks again whenever something changed, and not in between: between two lists that change
        quickly it sees the later one.
        """
        deadline_s = time.monotonic() + timeout_s
        tag = ""
        while True:
            left_s = max(0.0, deadline_s - time.monotonic())
            seen = self.watch("/api/containers", tag, wait_s=min(WAIT_S, round(left_s, 3)))
            if seen is not None:
                if done(_declared(seen.content)):
                    return True
                tag = seen.tag
            if not tag:
                time.sleep(_UNTAGGED_S)
            if time.monotonic() >= deadline_s:
                return False

    def nodes(self) -> wire_nodes.NodeList:
        return wire_nodes.load_nodes(self.request("GET", "/api/nodes"))

    def node(self, name: str) -> Load:
        """Return node `name` and what it has; raises ApiRefused (404) for one that never spoke."""
        body = self.request("GET", f"/api/nodes/{name}")
        lists = (sorted(map(str, body.get(key, []))) for key in ("containers", "running"))
        return Load(wire_nodes.load_node_status(body), *map(tuple, lists))

    def mark(
        self, node: str, *, cordoned: bool | None = None, draining: bool | None = None
    ) -> None:
        """Keep new containers off `node`, move what it has elsewhere, or take either back."""
        marks = wire_nodes.Marks(cordoned, draining)
        self.request("PATCH", f"/api/nodes/{node}", wire_nodes.dump_marks(marks))

    def events(self, since: int, *, wait_s: float = 0.0) -> wire_nodes.EventPage:
        """Return what happened after revision `since`; waits up to `wait_s` for something."""
        path = f"/api/events?since={since}&wait={wait_s:g}"
        return wire_nodes.load_events(self.request("GET", path, read_s=READ_S + wait_s))


def connect(topology: Topology) -> tuple[PushClient, PullClient]:
    """Return clients for the lab's two APIs; nothing is sent yet."""
    ports = host_ports(topology)
    return PushClient(ports["push"]), PullClient(ports["pull"])


def _declared(body: object) -> Declared:
    return Declared(wire.load_placed(body), wire.load_running(body))


def _content(answer: requests.Response) -> Any:
    """Return the decoded answer; raises ApiRefused when it says no."""
    url = str(answer.url)
    try:
        content = answer.json()
    except ValueError:
        raise ApiUnreachable(url, f"status {answer.status_code}, but no JSON") from None
    if not answer.ok:
        fields = content if isinstance(content, dict) else {}
        said, hint = (str(fields.get(key, "")) for key in ("error", "hint"))
        raise ApiRefused(url, answer.status_code, said, hint)
    return content


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    cause = error.__context__ or error
    return str(getattr(cause, "reason", "") or cause).split(": ", 1)[-1]
