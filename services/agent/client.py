"""The requests of one node to the state server, with the token that says which node it is."""

from collections.abc import Callable, Sequence

from services.core import wire
from services.core.address import Address
from services.core.errors import ApiRefused, LabError
from services.core.model import Observed
from services.core.names import is_label
from services.lib.http_client import Pending, Reply
from services.lib.world_clock import boottime_s

_UNAUTHORIZED = 401
# Answers that are about who asks, not about what is asked for.
NOT_ALLOWED = (_UNAUTHORIZED, 403)


class NodeClient:
    """Speaks for `node` to the server at `address`.

    timeout_s: bound of one exchange, beyond what the server is asked to wait. token_path: read
    now, and again when the server refuses the token; without that file no token is sent.
    boot: id of this boot; "" if it is unknown. token: what is sent with the next request.
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
        self.token = _read(token_path)

    def beat(self, observed: Observed, revision: int, epoch: str) -> Pending:
        """Send a heartbeat: this node runs `observed`, under that assignment of that store."""
        # The agent stops any container, but it can report only those whose name is a label.
        running = {name: state for name, state in observed.items() if is_label(name)}
        report = wire.dump_report(wire.Report(running, revision, self._boot, epoch, boottime_s()))
        return self._send("POST", f"{self._path}/heartbeat", report)

    def desired(self, etag: str, wait_s: float) -> Pending:
        """Ask what must run; the server waits up to wait_s while that is what `etag` names."""
        known = {"If-None-Match": etag} if etag else {}
        path = f"{self._path}/desired?wait={wait_s:.3f}&boot={self._boot}"
        return self._send("GET", path, None, known, wait_s)

    def listing(self) -> Pending:
        """Ask what must run as the public demonstration's agents do."""
        return self._send("GET", f"/api/containers?node={self._node}")

    def leaving(self, names: Sequence[str], wait_s: float) -> Pending:
        """Say that this node shuts down; the server waits up to wait_s for replacements.

        names: of containers that were assigned here before, and for which it waits, too.
        """
        body = {"boot": self._boot, "uptime_s": round(boottime_s(), 3), "waiting": list(names)}
        return self._send("POST", f"{self._path}/leaving?wait={wait_s:g}", body, {}, wait_s)

    def answer(self, begin: Callable[[], Pending]) -> Reply:
        """Return the answer to the request that `begin` sends; wait for it.

        The request is repeated if the token was replaced meanwhile.
        Raises ApiUnreachable, ApiRefused.
        """
        token = self.token
        try:
            return begin().result()
        except ApiRefused as error:
            if not self.has_new_token(error, token):
                raise
            return begin().result()

    def has_new_token(self, error: LabError, token: str) -> bool:
        """Whether `token` was refused and there is another one by now, so that a retry may help."""
        if not isinstance(error, ApiRefused) or error.status != _UNAUTHORIZED:
            return False
        self.token = _read(self._token_path)
        return self.token != token

    def _send(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: dict[str, str] | None = None,
        wait_s: float = 0.0,
    ) -> Pending:
        authorization = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return Pending(
            method,
            self._address,
            path,
            body,
            headers={**authorization, **(headers or {})},
            timeout_s=self._timeout_s + wait_s,
        )


def _read(path: str) -> str:
    """Return the token in `path`; "" if there is none, or the content cannot be one."""
    try:
        with open(path, encoding="ascii") as file:
            words = file.read().split()
    except (OSError, ValueError):
        return ""
    return words[0] if len(words) == 1 else ""
