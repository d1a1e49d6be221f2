"""The requests of one node to the state server, with what shows that it is this node."""

from collections.abc import Callable

from services.agent.tick import Observed
from services.core import wire
from services.core.address import Address
from services.core.errors import ApiRefused, LabError
from services.core.names import is_label
from services.lib.http_client import Pending, Reply

_NOT_KNOWN_TO_IT = 401
# Answers that are about who asks, not about what is asked for.
NOT_ALLOWED = (_NOT_KNOWN_TO_IT, 403)


class Line:
    """From `node` to the server at `address`.

    timeout_s: bound of one exchange, beyond what it is asked to wait. token_path: read now, and
    again when the server no longer takes what was there; without that file no token is shown.
    boot: this boot's id; "" to say none.
    """

    def __init__(
        self, node: str, address: Address, *, timeout_s: float, token_path: str = "", boot: str = ""
    ) -> None:
        self._address = address
        self._path = f"/api/nodes/{node}"
        self._node = node
        self._timeout_s = timeout_s
        self._token_path = token_path
        self._boot = boot
        self._token = _read(token_path)

    def beat(self, observed: Observed, revision: int) -> Pending:
        """Say that this node lives and runs `observed`, under the assignment of `revision`."""
        # Whatever hand started it is stopped, but only a label can be spoken of.
        running = {name: state for name, state in observed.items() if is_label(name)}
        report = wire.dump_report(wire.Report(running, revision, self._boot))
        return self._send("POST", f"{self._path}/heartbeat", report)

    def desired(self, etag: str, wait_s: float) -> Pending:
        """Ask what must run; held for up to wait_s while that is what `etag` came with."""
        known = {"If-None-Match": etag} if etag else {}
        path = f"{self._path}/desired?wait={wait_s:.3f}"
        return self._send("GET", path, None, known, wait_s)

    def listing(self) -> Pending:
        """Ask what must run as the seed's agents do."""
        return self._send("GET", f"/api/containers?node={self._node}")

    def leaving(self, wait_s: float) -> Pending:
        """Say that this node shuts down; held for up to wait_s until it is no longer needed."""
        body = {"boot": self._boot}
        return self._send("POST", f"{self._path}/leaving?wait={wait_s:g}", body, {}, wait_s)

    def answer(self, begin: Callable[[], Pending]) -> Reply:
        """Return the answer to the request that `begin` sends; wait for it.

        Sent a second time with a new token if there is one. Raises ApiUnreachable, ApiRefused.
        """
        shown = self.shown
        try:
            return begin().result()
        except ApiRefused as error:
            if not self.has_new_token(error, shown):
                raise
            return begin().result()

    @property
    def shown(self) -> str:
        """The token that goes with what is sent now; "" for none."""
        return self._token

    def has_new_token(self, error: LabError, shown: str) -> bool:
        """Whether another try may help: the token is another than the one that was `shown`."""
        if not isinstance(error, ApiRefused) or error.status != _NOT_KNOWN_TO_IT:
            return False
        self._token = _read(self._token_path)
        return self._token != shown

    def _send(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: dict[str, str] | None = None,
        wait_s: float = 0.0,
    ) -> Pending:
        shown = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        return Pending(
            method,
            self._address,
            path,
            body,
            headers={**shown, **(headers or {})},
            timeout_s=self._timeout_s + wait_s,
        )


def _read(path: str) -> str:
    """The token in `path`; "" if there is none, or it cannot be one."""
    try:
        with open(path, encoding="ascii") as file:
            words = file.read().split()
    except (OSError, ValueError):
        return ""
    return words[0] if len(words) == 1 else ""
