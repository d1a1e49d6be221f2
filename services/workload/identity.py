"""Who this container is: read once at the start, the answer to every request."""

import os
import time

from services.core.catalogue import DEFAULT_IMAGE
from services.core.errors import LabError

MODES = ("push", "pull")


class Identity:
    """One running container. Not a NamedTuple: see services/workload/__init__.py.

    started_at: ISO 8601 in UTC, by the node's clock. runtime: the unit's own folder.
    """

    def __init__(self, name: str, mode: str, image: str, runtime: str) -> None:
        self.name = name
        self.mode = mode
        self.node = os.uname().nodename
        self.image = image
        self.started_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.pid = os.getpid()
        self.runtime = runtime

    def answer(self) -> bytes:
        """Return the JSON document that answers every request."""
        texts = {
            "name": self.name,
            "mode": self.mode,
            "node": self.node,
            "image": self.image,
            "started_at": self.started_at,
        }
        fields = "".join(f'"{key}": {_quote(text)}, ' for key, text in texts.items())
        return f'{{{fields}"pid": {self.pid}}}\n'.encode()


def identify(environment: dict[str, str]) -> Identity:
    """Return who we are by LAB_NAME, LAB_MODE, LAB_IMAGE and systemd's RUNTIME_DIRECTORY.

    Raises LabError. Whether the name is a label is not checked again: no path is built
    from it.
    """
    mode = environment.get("LAB_MODE", "")
    if mode not in MODES:
        raise _wrong("LAB_MODE", mode, " or ".join(MODES))
    name = environment.get("LAB_NAME", "")
    if not name or not name.isprintable():
        raise _wrong("LAB_NAME", name, "a name")
    runtime = environment.get("RUNTIME_DIRECTORY", "")
    if not runtime:
        raise _wrong("RUNTIME_DIRECTORY", "", "a folder")
    return Identity(name, mode, environment.get("LAB_IMAGE") or DEFAULT_IMAGE, runtime)


def _quote(text: str) -> str:
    """Return printable `text` as a JSON string: only two characters need an escape."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _wrong(variable: str, value: str, wanted: str) -> LabError:
    return LabError(
        f"{variable}={value!r}: expected {wanted}",
        hint="start it as its unit does: provisioning/systemd/container@.service.in",
    )
