"""JSON over HTTP to one API on this machine's loopback."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import requests

from services.core.errors import ApiRefused, ApiUnreachable

CONNECT_S = 3.0
READ_S = 15.0
# How long one question waits for a change: well below what proxies and tunnels are patient for.
WAIT_S = 20.0
_UNCHANGED = 304


class Seen(NamedTuple):
    """What a path answered, and the tag by which to ask whether that is still so."""

    content: Any
    tag: str


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
