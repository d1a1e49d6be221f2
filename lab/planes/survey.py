"""Look at the whole lab at once: VMs, units, both APIs. Everything live, everything in parallel."""

import shlex
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, TypeVar

from lab.errors import LabNotUp
from lab.host.speed import deadline_s
from lab.machines import clocks, power, remote, units
from lab.machines.units import Unit
from lab.planes import client, orders
from provisioning.topology import Machine, Topology
from services.core.errors import LabError
from services.core.wire_nodes import NodeList

RUNNING = "running"
# The state of a machine of which libvirt, which should know, says nothing.
UNKNOWN = "unknown"
_LIBVIRT_S = 4.0
_SSH_S = 5.0
# After this time a reader hears what is waited for.
_PATIENCE_S = 2.0
_APIS = ("the push API", "the pull API", "its nodes")
# Between what the commands print that one login asks a machine: each login costs the guest 0.1 s.
_END = "\f"
_LOOK = f"set -e; {shlex.join(clocks.ASK)}; printf '\\f'; {shlex.join(units.LIST)}"
# journalctl fails where the unit has never run on this machine.
_LOOK_AT_API = f"{_LOOK}; printf '\\f'; {shlex.join(orders.LOG)} || :"

T = TypeVar("T")
Say = Callable[[str], None]


class Look(NamedTuple):
    """What one machine said. ahead_s: its clock, at least; log: of push's API, where that is."""

    units: tuple[Unit, ...]
    ahead_s: float
    log: str


class Survey(NamedTuple):
    """What was seen. A LabError in place of a value says why it could not be seen.

    libvirt: why it does not say which machines run; None if it does. states: machine -> running,
    paused, off, absent or unknown. units: machine that may run -> its units. ordered: what push
    was to start and not to stop, as its API's log says. clocks: machine -> seconds by which its
    clock is ahead, where that is more than half a second.
    """

    topology: Topology
    libvirt: LabError | None
    states: dict[str, str]
    units: dict[str, tuple[Unit, ...] | LabError]
    push: client.Running | LabError
    pull: client.Declared | LabError
    nodes: NodeList | LabError
    ordered: tuple[str, ...] | LabError
    clocks: dict[str, float]

    @property
    def modes(self) -> list[str]:
        """The modes that the machines are in, as far as any of them could be asked."""
        known = [seen for seen in self.units.values() if not isinstance(seen, LabError)]
        names = list(self.topology.ports)
        return [name for name in names if any(name in units.active_modes(u, names) for u in known)]

    def containers(self, mode: str, node: str) -> tuple[str, ...] | None:
        """Return what of `mode` serves on `node`; None if it could not be asked."""
        seen = self.units.get(node)
        return None if seen is None or isinstance(seen, LabError) else units.containers(seen, mode)


def take(topology: Topology, say: Say = lambda _: None) -> Survey:
    """Return what can be seen now. say: hears what is waited for, if that takes long.

    Raises LabNotUp when every VM is off, and libvirt's error when no VM answers either.
    """
    push, pull = client.connect(topology)
    with ThreadPoolExecutor(8) as pool:
        said = pool.submit(_ask, partial(power.machine_states, topology, timeout_s=_LIBVIRT_S))
        _await({"libvirt": said}, say)
        libvirt, states = _states(topology, said.result())
        up = [m for m in topology.machines if states[m.name] in (RUNNING, UNKNOWN)]
        refusal = None if topology.api in up else _off(topology, states)
        asked: dict[str, Future[Look | LabError]] = {
            m.name: pool.submit(_ask, partial(_look, m, at_api=m == topology.api)) for m in up
        }
        answers = (
            pool.submit(_ask, push.running, refusal),
            pool.submit(_ask, pull.declared, refusal),
            pool.submit(_ask, pull.nodes, refusal),
        )
        _await({**asked, **dict(zip(_APIS, answers, strict=True))}, say)
    looks = {name: one.result() for name, one in asked.items()}
    seen = {name: _of(look, lambda found: found.units) for name, look in looks.items()}
    if libvirt and all(isinstance(one, LabError) for one in seen.values()):
        raise libvirt
    running, declared, nodes = answers
    at_api = refusal or looks[topology.api.name]
    return Survey(
        topology,
        libvirt,
        states,
        seen,
        running.result(),
        declared.result(),
        nodes.result(),
        _of(at_api, lambda found: orders.standing(found.log)),
        {
            name: look.ahead_s
            for name, look in looks.items()
            if isinstance(look, Look) and abs(look.ahead_s) > clocks.LIMIT_S
        },
    )


def _states(
    topology: Topology, said: dict[str, str] | LabError
) -> tuple[LabError | None, dict[str, str]]:
    """Return why libvirt is silent, if it is, and every machine's state; raises LabNotUp."""
    if isinstance(said, LabError):
        return said, {machine.name: UNKNOWN for machine in topology.machines}
    if set(said.values()) <= {"off", "absent"}:
        raise LabNotUp(topology.lab, said)
    return None, said


def _off(topology: Topology, states: dict[str, str]) -> LabError:
    name = topology.api.name
    return LabError(f"its machine {name} is {states[name]}", hint="lab heal")


def _look(machine: Machine, *, at_api: bool) -> Look:
    script = _LOOK_AT_API if at_api else _LOOK
    asked_s = time.time()
    said = remote.run(machine, ["sh", "-c", script], timeout_s=deadline_s(_SSH_S))
    answered_s = time.time()
    clock, listed, log, *_ = [*said.split(_END, 2), "", ""]
    ahead_s = 0.0
    with suppress(ValueError):
        ahead_s = clocks.least_s(float(clock), asked_s, answered_s)
    return Look(units.parse(listed), ahead_s, log)


def _of(look: Look | LabError, take: Callable[[Look], T]) -> T | LabError:
    return look if isinstance(look, LabError) else take(look)


def _ask(question: Callable[[], T], refusal: LabError | None = None) -> T | LabError:
    if refusal:
        return refusal
    try:
        return question()
    except LabError as error:
        return error


def _await(asked: Mapping[str, "Future[Any]"], say: Say) -> None:
    """Return once all of `asked` is answered; `say` hears every few seconds what is not."""
    said = ""
    while late := wait(asked.values(), timeout=_PATIENCE_S).not_done:
        line = f"waiting for {', '.join(name for name, one in asked.items() if one in late)}"
        if line != said:
            say(line)
        said = line
