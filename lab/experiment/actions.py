"""What a step of an experiment does, and the command that a person could have typed."""

import shlex
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from lab.experiment import timing
from lab.experiment.timing import Deadlines
from lab.history.recording import Recording
from lab.planes.client import Clients
from provisioning.topology import host_ports
from services.core.errors import ApiRefused, LabError
from services.core.profiles import Profile

_EVERY_S = 0.1

# A duration's word -> the seconds that it stands for in a profile, with KVM.
WORDS: Mapping[str, Callable[[Profile], float]] = {
    "drift": timing.drift_s,
    "placing": timing.placing_s,
    "healing": timing.healing_s,
    "outage": timing.outage_s,
    "lease": lambda profile: profile.lease_s,
}


def seconds(duration: float | str, profile: Profile) -> float:
    """Return the seconds that `duration` means: a number, a word, or `2 healing`."""
    if not isinstance(duration, str):
        return float(duration)
    times, _, word = duration.rpartition(" ")
    return float(times or 1) * WORDS[word](profile)


class Orders(NamedTuple):
    """What was asked for. wanted: mode -> the names that were acknowledged, in order.

    doubtful: mode -> the names whose last order was not answered: perhaps it was carried out.
    """

    recording: Recording
    clients: Clients
    policy: str
    wanted: dict[str, list[str]]
    doubtful: dict[str, list[str]]

    def adopt(self) -> None:
        """Count what users asked for before as wanted: it is no stray.

        Push has no list of it. What runs on two nodes there may be wanted or not.
        """
        for mode in self.recording.modes:
            where = self.recording.where(mode)
            for name in sorted(self.listed(mode)):
                once = mode == "pull" or len(where.get(name, ())) == 1
                (self.wanted if once else self.doubtful)[mode].append(name)

    def declare(self, names: Sequence[str]) -> None:
        """Ask for the containers `names` in every mode, and record what was acknowledged."""
        self._order_all(names, wanted=True)

    def delete(self, names: Sequence[str]) -> None:
        """Take the containers `names` back in every mode."""
        self._order_all(names, wanted=False)

    def listed(self, mode: str) -> set[str]:
        """Return the names of the containers that the API of `mode` lists; raises LabError."""
        if mode == "push":
            return {placed.name for placed in self.clients.push.running().containers}
        return set(self.clients.pull.declared().names)

    def _order_all(self, names: Sequence[str], *, wanted: bool) -> None:
        """Give the orders of each mode one after the other; no mode waits for another."""
        over = threading.Event()

        def order(mode: str) -> None:
            for name in names:
                if not over.is_set():
                    self._order(mode, name, wanted=wanted)

        modes = self.recording.modes
        with ThreadPoolExecutor(len(modes)) as pool:
            try:
                list(pool.map(order, modes))
            except BaseException:
                # After Ctrl-C nothing may be ordered beside what takes everything away.
                over.set()
                raise

    def _order(self, mode: str, name: str, *, wanted: bool) -> None:
        names, doubtful = self.wanted[mode], self.doubtful[mode]
        asked_s = self.recording.writer.now_s()
        if name in doubtful:
            doubtful.remove(name)
        try:
            if wanted:
                self.clients.declare(mode, name, self.policy)
            else:
                self.clients.withdraw(mode, name)
        except ApiRefused:
            raise
        except LabError:
            doubtful.append(name)
        else:
            if wanted != (name in names):
                (names.append if wanted else names.remove)(name)
        # It was carried out at some time between the order and the answer.
        now_s = self.recording.writer.now_s()
        self.recording.writer.put(
            "wanted",
            at_s=(asked_s + now_s) / 2,
            error_s=(now_s - asked_s) / 2,
            mode=mode,
            names=list(names),
            doubtful=list(doubtful),
            command=curl(self.recording, mode, name, wanted=wanted),
        )


def take_away(orders: Orders, mode: str, names: Sequence[str]) -> list[LabError]:
    """Take those of `names` back that the API of `mode` lists; return what went wrong."""
    errors: list[LabError] = []
    try:
        listed = orders.listed(mode)
    except LabError as error:
        return [error]
    for name in (name for name in names if name in listed):
        try:
            orders.clients.withdraw(mode, name)
        except LabError as error:
            errors.append(error)
    return errors


def curl(recording: Recording, mode: str, name: str, *, wanted: bool) -> str:
    """Return the command by which a person asks for container `name`, or takes it back."""
    base = f"http://localhost:{host_ports(recording.topology)[mode]}"
    if mode == "pull" and not wanted:
        return shlex.join(["curl", "-X", "DELETE", f"{base}/api/containers/{name}"])
    path = "/api/containers" if mode == "pull" else f"/container/{'start' if wanted else 'stop'}"
    body = f'{{"name": "{name}"}}'
    header = ["-H", "Content-Type: application/json"]
    return shlex.join(["curl", "-X", "POST", f"{base}{path}", *header, "-d", body])


def run_once(orders: Orders, mode: str, _: float) -> bool:
    """Whether each container that is wanted in `mode` has a process on exactly one node."""
    where = orders.recording.where(mode)
    sure = (name for name in orders.wanted[mode] if name not in orders.doubtful[mode])
    return all(len(where.get(name, ())) == 1 for name in sure)


def reachable(orders: Orders, mode: str, _: float) -> bool:
    """Whether each container that is wanted in `mode` answered the last question where it runs."""
    where, answered = orders.recording.where(mode), orders.recording.probes.answered
    return all(
        any(answered.get((mode, node, name)) for node in where.get(name, ()))
        for name in orders.wanted[mode]
    )


def no_strays(orders: Orders, mode: str, _: float) -> bool:
    """Whether nothing runs that is not wanted, nor may be."""
    allowed = {*orders.wanted[mode], *orders.doubtful[mode]}
    return set(orders.recording.where(mode)) <= allowed


def nodes_up(orders: Orders, mode: str, since_s: float) -> bool:
    """Whether the API calls no node unreachable or down. Push says so of what it could not ask."""
    nodes = orders.recording.claims[mode].latest["nodes"]
    names = {node.name for node in orders.recording.topology.nodes}
    known = mode == "push" or names <= set(nodes)
    return api_answers(orders, mode, since_s) and known and set(nodes.values()) <= {"up"}


def api_answers(orders: Orders, mode: str, since_s: float) -> bool:
    """Whether the API answered a question of after `since_s`."""
    claims = orders.recording.claims[mode]
    return bool(claims.latest["ok"]) and claims.asked_s >= since_s


# Each is called with the time of the history since which it must have been seen.
CONDITIONS: Mapping[str, Callable[[Orders, str, float], bool]] = {
    "run-once": run_once,
    "reachable": reachable,
    "no-strays": no_strays,
    "nodes-up": nodes_up,
    "api-answers": api_answers,
}
# What these say, an API has to be asked for.
_CLAIMED = {"nodes-up", "api-answers"}


def await_condition(
    orders: Orders, name: str, deadlines: Deadlines, say: Callable[[str], None]
) -> dict[str, float | None]:
    """Return mode -> seconds until the condition came true there; None: it did not.

    Pull is given as long as this machine may need, push three times as long as pull should have
    needed or did: that it does not repair something takes time to be seen.
    """
    modes, began_s = orders.recording.modes, time.monotonic()
    since_s = orders.recording.writer.now_s()
    took_s: dict[str, float | None] = dict.fromkeys(modes)
    if name in _CLAIMED:
        orders.recording.hurry()
    while True:
        elapsed_s = time.monotonic() - began_s
        for mode in modes:
            if took_s[mode] is None and CONDITIONS[name](orders, mode, since_s):
                took_s[mode] = elapsed_s
                say(f"{mode}: {name} after {elapsed_s:.1f} s")
        if all(one is not None for one in took_s.values()):
            return took_s
        if deadlines.enough(modes, took_s.get("pull"), elapsed_s):
            return took_s
        orders.recording.writer.check()
        time.sleep(_EVERY_S)


def await_all(orders: Orders, names: Sequence[str], limit_s: float) -> None:
    """Return once all conditions `names` are true in every mode; raises LabError after limit_s."""
    began_s, since_s = time.monotonic(), orders.recording.writer.now_s()
    if _CLAIMED & {*names}:
        orders.recording.hurry()
    while True:
        missing = [
            f"{name} in {mode}"
            for name in names
            for mode in orders.recording.modes
            if not CONDITIONS[name](orders, mode, since_s)
        ]
        if not missing:
            return
        if time.monotonic() - began_s > limit_s:
            raise LabError(
                f"the steady state did not come within {limit_s:.0f} s: {', '.join(missing)}",
                hint="lab status shows why; lab heal, then again",
            )
        orders.recording.writer.check()
        time.sleep(_EVERY_S)
