"""The values that the two control planes, the agent and the tools share.

Tuples, not dataclasses: `import dataclasses` pulls in `inspect` and costs the agent
about 150 ms a pass in an emulated guest; `typing.NamedTuple` costs a tenth of that.
"""

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from services.core.catalogue import DEFAULT_IMAGE as DEFAULT_IMAGE

# What becomes of a container whose node cannot reach the state server.
KEEP = "keep"
STOP = "stop"
POLICIES = (KEEP, STOP)


class Container(NamedTuple):
    """What a user declares: a name, and the workload of the catalogue that it runs.

    on_disconnect: KEEP goes on running on a node that is cut off; STOP ends there before the
    container may be placed elsewhere, so that it never runs twice. created: revision of its
    declaration, by which the state server tells it from one that had its name before; 0 if it
    does not say.
    """

    name: str
    image: str = DEFAULT_IMAGE
    on_disconnect: str = KEEP
    created: int = 0


class Placed(NamedTuple):
    """A declared container together with where the scheduler put it (None: nowhere yet).

    revision: of the last change of either.
    """

    container: Container
    node: str | None
    revision: int = 0

    @property
    def name(self) -> str:
        return self.container.name


class Act(Enum):
    """What can be done to a unit, in the order in which one pass does it."""

    STOP = "stop"
    START = "start"


class UnitState(NamedTuple):
    """One container unit of a node.

    image: the workload it was started with. ready: it said that it serves. job: what systemd was
    asked to do with it a moment ago and does not show yet; None for nothing. created: of the
    Container that it was started for; 0 if it was started by hand.
    """

    image: str
    ready: bool
    job: Act | None = None
    created: int = 0

    def runs(self, container: Container) -> bool:
        """Whether this is `container`, and not another one that had its name."""
        same = self.created == container.created or not (self.created and container.created)
        return same and self.image == container.image


# Name -> state of every container unit of a node that has processes, or may have them any moment.
Observed = Mapping[str, UnitState]


class Task(NamedTuple):
    """One thing to do on a node, and why."""

    act: Act
    container: Container
    reason: str


class Desired(NamedTuple):
    """What one node must run now, and how its agent knows.

    containers: by name; None if that is not known, and then only what is withheld is touched.
    withheld: name -> why a container that is assigned here must not run now.
    revision: of the assignment that this is about; 0 for none.
    outage: "" if the state server said so just now, else why the agent uses its local state.
    since: when the state server last said so, as a time of day; "" for never.
    """

    containers: Mapping[str, Container] | None
    withheld: Mapping[str, str] = {}
    revision: int = 0
    outage: str = ""
    since: str = ""


class Health(Enum):
    """What the silence of a node means. The wire contract knows only up and down."""

    UP = "up"
    SUSPECT = "suspect"
    DOWN = "down"


class Node(NamedTuple):
    """A node as the state server last heard of it.

    silent_s: seconds since its last heartbeat, or since the server started if that is later.
    cordoned: gets no new containers. draining: its containers move away, too. leaving: it said
    that it is shutting down. revision: of the last change of any of these, or between up and down.
    settled: its last report was made under the assignment that it has now, so nothing will start
    there that it has not reported. address: where its last sign of life came from; "" if unknown.
    hold_s: after this much silence, nothing runs there that must not run twice
    (services/core/lease.py); None if the state server does not say.
    """

    name: str
    silent_s: float
    health: Health
    cordoned: bool = False
    draining: bool = False
    leaving: bool = False
    revision: int = 0
    settled: bool = False
    address: str = ""
    hold_s: float | None = None

    @property
    def takes_containers(self) -> bool:
        """Whether something new may be put here."""
        return not (self.health is Health.DOWN or self.cordoned or self.draining or self.leaving)


class Placement(NamedTuple):
    """A decision to write: put `name` on `node` (None: nowhere), and why."""

    name: str
    node: str | None
    reason: str


class Assignment(NamedTuple):
    """Everything that one node must run, as the state server said at one revision.

    epoch: which store answered; a store that is created again has a new epoch.
    revision: of the last change that concerned this node; 0 means that nothing was ever written.
    lease_s: how long the server waits for a sign of life; 0 if it does not say.
    """

    epoch: str
    revision: int
    containers: tuple[Container, ...]
    lease_s: float = 0.0


class Event(NamedTuple):
    """One thing that changed, for people and watchers.

    at: ISO 8601 in UTC. monotonic_s: of the server's clock, for intervals. kind: WANTED …
    subject: the container's or node's name. node: where, or "".
    """

    revision: int
    at: str
    monotonic_s: float
    kind: str
    subject: str
    node: str
    reason: str
