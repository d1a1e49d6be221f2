"""A world of two nodes, one container and one state server, as a value: one event makes the next.

Time goes in units. In each, every agent that runs makes a pass, and then the node controller and
the scheduler decide; what decides is the code of services. Stopping takes a unit. Of the state only
what decisions rest on is here.
"""

from typing import NamedTuple

from services.agent import memory
from services.core import follow, lease, reconcile
from services.core.lease import Lease, Moment
from services.core.model import STOP, Act, Assignment, UnitState
from services.state import said
from tests.core.world_server import NODES, WEB, Server, put

STOP_S = 1


class TwiceError(Exception):
    """Something must not run twice, and does."""


class WrongError(Exception):
    """The server calls a process running that belongs to another container."""


class Unit(NamedTuple):
    """A process. ends_s: when it will have stopped; None while it is not to."""

    created: int
    ends_s: int | None = None


class Machine(NamedTuple):
    """What is on one machine. name: under which it speaks. older: the generation before `newest`.

    damaged: whether `newest` cannot be read from the disk. copied: whether it is in memory, too.
    leaves_s: when its processes begin to stop.
    """

    name: int
    boot: str
    booted_s: int = 0
    up: bool = True
    linked: bool = True
    runs: Unit | None = None
    newest: Assignment | None = None
    older: Assignment | None = None
    damaged: bool = False
    copied: bool = False
    lease: Lease | None = None
    leaves_s: int | None = None


class World(NamedTuple):
    """Everything. machines: n1, n2, and perhaps a second machine that is called n1."""

    now_s: int
    server: Server
    machines: tuple[Machine, ...]

    def unit(self) -> "World":
        """A unit later."""
        world = self._replace(now_s=self.now_s + 1)
        for i, machine in enumerate(world.machines):
            world = world._passed(i, _aged(machine, world.now_s))
        return world._replace(server=world.server.decided(world.now_s))

    def units(self, number: int) -> "World":
        """So many units later."""
        world = self
        for _ in range(number):
            world = world.unit()
        return world

    def _passed(self, i: int, machine: Machine) -> "World":
        """What is when the agent of machine `i` has made its pass, if it has one."""
        world = self._replace(machines=put(self.machines, i, machine))
        if not machine.up or machine.leaves_s is not None:
            return world
        now = Moment(float(self.now_s))
        machine = world._act(
            i, machine, lease.only_withheld_stops(_desired(machine, now), _observed(machine))
        )
        server = world.server
        if machine.linked:
            known = _known(machine)
            word = said.Said(
                _observed(machine), machine.boot, None, float(self.now_s - machine.booted_s)
            )
            heard = server.hear(
                machine.name,
                word,
                self.now_s,
                known.assignment.revision if known.newest and known.assignment else 0,
            )
            if heard is not None:
                server = heard
                machine = _told(machine, server.assignment(machine.name), now)
        machine = world._act(i, machine, _desired(machine, now))
        return world._replace(server=server, machines=put(world.machines, i, machine))

    def _act(self, i: int, machine: Machine, desired: object) -> Machine:
        """`machine` after it did what reconcile says. Raises TwiceError."""
        if desired is None:
            return machine
        for task in reconcile.reconcile(desired, _observed(machine)):
            if task.act is Act.STOP:
                unit = machine.runs
                assert unit is not None
                machine = machine._replace(runs=unit._replace(ends_s=self.now_s + STOP_S))
                continue
            others = [other for j, other in enumerate(self.machines) if j != i and other.runs]
            if others and task.container.on_disconnect == STOP and self.server.promised:
                raise TwiceError
            # A stop before a start of the same unit is waited for.
            machine = machine._replace(runs=Unit(task.container.created))
        return machine

    def check(self) -> None:
        """Raise WrongError if the server says that something runs, and it is another container."""
        for i, heard in enumerate(self.server.heard):
            unit, runs = heard and heard.sign.running.get(WEB), self.machines[i].runs
            container = self.server.placed.container
            says = unit and self.server.placed.node == NODES[i] and unit.runs(container)
            if says and runs is not None and runs.created != container.created:
                raise WrongError


def _desired(machine: Machine, now: Moment):
    assignment, granted, newest = _known(machine)
    return lease.may_run(assignment, lease.cut_off(granted, now), newest=newest)


def _known(machine: Machine) -> memory.Recalled:
    disk = machine.older if machine.damaged else machine.newest
    copies = [memory.Copy(disk, not machine.damaged)] if disk else []
    if machine.copied and machine.newest:
        copies.insert(0, memory.Copy(machine.newest, whole=True))
    return memory.best(copies, machine.lease)


def _observed(machine: Machine) -> dict[str, UnitState]:
    if machine.runs is None:
        return {}
    job = None if machine.runs.ends_s is None else Act.STOP
    return {WEB: UnitState("demo", ready=True, job=job, created=machine.runs.created)}


def _told(machine: Machine, answer: Assignment, now: Moment) -> Machine:
    known = _known(machine).assignment
    if follow.objection(known, answer):
        return machine
    older = machine.older if machine.damaged or answer == machine.newest else machine.newest
    granted = Lease(now, answer.lease_s, answer.epoch, answer.revision)
    return machine._replace(newest=answer, older=older, damaged=False, copied=True, lease=granted)


def _aged(machine: Machine, now_s: int) -> Machine:
    runs, leaves_s = machine.runs, machine.leaves_s
    if leaves_s is not None and now_s >= leaves_s and runs and runs.ends_s is None:
        runs = runs._replace(ends_s=leaves_s + STOP_S)
    if runs and runs.ends_s is not None and runs.ends_s <= now_s:
        runs = None
    up = machine.up and not (leaves_s is not None and now_s >= leaves_s + STOP_S)
    return machine._replace(runs=runs, up=up)
