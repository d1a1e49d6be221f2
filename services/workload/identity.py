"""Who this container is: read once at the start, answered to every request."""

import os
import time
from collections.abc import Mapping
from typing import NamedTuple

from services.core.errors import LabError
from services.core.model import DEFAULT_IMAGE

MODES = ("push", "pull")


class Identity(NamedTuple):
    """One running container.

    started_at: ISO 8601 in UTC, by the node's clock. runtime: the unit's own folder.
    """

    name: str
    mode: str
    node: str
    image: str
    started_at: str
    pid: int
    runtime: str

    def answer(self) -> bytes:
        """Return the JSON document that every request is answered with."""
        # Here, and not before the container is announced: see services/workload/__init__.py.
        import json

        fields = {key: value for key, value in self._asdict().items() if key != "runtime"}
        return json.dumps(fields).encode() + b"\n"


class BadEnvironment(LabError):
    """A container that was not started by its unit, or by a unit that lacks a setting."""

    def __init__(self, variable: str, value: str, wanted: str) -> None:
        super().__init__(
            f"{variable}={value!r}: expected {wanted}",
            hint="start it as its unit does: provisioning/systemd/container@.service.in",
        )
        self.variable = variable
        self.value = value


def identify(environment: Mapping[str, str]) -> Identity:
    """Return who we are by LAB_NAME, LAB_MODE, LAB_IMAGE and systemd's RUNTIME_DIRECTORY.

    Raises BadEnvironment. The name is not checked again: nothing here makes a path of it.
    """
    mode = environment.get("LAB_MODE", "")
    if mode not in MODES:
        raise BadEnvironment("LAB_MODE", mode, " or ".join(MODES))
    for variable in ("LAB_NAME", "RUNTIME_DIRECTORY"):
        if not environment.get(variable):
            raise BadEnvironment(variable, "", "a value")
    return Identity(
        environment["LAB_NAME"],
        mode,
        os.uname().nodename,
        environment.get("LAB_IMAGE") or DEFAULT_IMAGE,
        time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        os.getpid(),
        environment["RUNTIME_DIRECTORY"],
    )
