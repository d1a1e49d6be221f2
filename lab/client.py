"""HTTP to the two APIs, as a user's curl sees them: on this machine's loopback."""

from typing import Any, NamedTuple

import requests

from provisioning.topology import Topology, host_ports
from services.core import wire, wire_nodes
from services.core.errors import ApiRefused, ApiUnreachable
from services.core.model import Placed

CONNECT_S = 3.0
READ_S = 15.0
# Push answers an order when it is carried out: a container's unit may take 60 s to serve, and a
# start of the same name that is under way is waited for.
ORDER_S = 70.0


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


class Api:
    """JSON to one API. Raises ApiUnreachable when it is silent, ApiRefused when it says no."""

    def __init__(self, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}"
        self._session = requests.Session()
        # A proxy of the environment must not see, or fail, what goes to our own loopback.
        self._session.trust_env = False
        # A kept connection dies with the API, and the next request would fail for the wrong reason.
        self._session.headers["Connection"] = "close"

    def request(
        self, method: str, path: str, body: object = None, *, read_s: float = READ_S
    ) -> Any:
        """Return the decoded answer. body: sent as JSON unless None."""
        url = f"{self._base}{path}"
        try:
            answer = self._session.request(method, url, json=body, timeout=(CONNECT_S, read_s))
        except requests.RequestException as error:
            raise ApiUnreachable(url, _reason(error)) from None
        try:
            content = answer.json()
        except ValueError:
            raise ApiUnreachable(url, f"status {answer.status_code}, but no JSON") from None
        if not answer.ok:
            fields = content if isinstance(content, dict) else {}
            said, hint = (str(fields.get(key, "")) for key in ("error", "hint"))
            raise ApiRefused(url, answer.status_code, said, hint)
        return content

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

    def declare(self, name: str) -> None:
        """Want container `name`; one that is wanted already stays as it is."""
        self.request("POST", "/api/containers", {"name": name})

    def delete(self, name: str) -> None:
        """Want container `name` no longer; one that was never wanted is fine."""
        try:
            self.request("DELETE", f"/api/containers/{name}")
        except ApiRefused as error:
            if error.status != 404:
                raise

    def declared(self) -> Declared:
        body = self.request("GET", "/api/containers")
        return Declared(wire.load_placed(body), wire.load_running(body))

    def nodes(self) -> wire_nodes.NodeList:
        return wire_nodes.load_nodes(self.request("GET", "/api/nodes"))


def connect(topology: Topology) -> tuple[PushClient, PullClient]:
    """Return clients for the lab's two APIs; nothing is sent yet."""
    ports = host_ports(topology)
    return PushClient(ports["push"]), PullClient(ports["pull"])


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    cause = error.__context__ or error
    return str(getattr(cause, "reason", "") or cause).split(": ", 1)[-1]
