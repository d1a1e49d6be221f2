"""The values that the two control planes, the agent and the tools share.

Tuples, not dataclasses: `import dataclasses` pulls in `inspect` and costs the agent
about 150 ms a pass in an emulated guest; `typing.NamedTuple` costs a tenth of that.
"""

from enum import Enum
from typing import NamedTuple

DEFAULT_IMAGE = "demo"


class Container(NamedTuple):
    """What a user declares: a name and the workload of the catalogue that it runs."""

    name: str
    image: str = DEFAULT_IMAGE


class Placed(NamedTuple):
    """A declared container together with where the scheduler put it (None: nowhere yet)."""

    container: Container
    node: str | None

    @property
    def name(self) -> str:
        return self.container.name


class UnitState(NamedTuple):
    """One container unit that has processes on a node.

    image: the workload it was started with. ready: it said that it serves.
    """

    image: str
    ready: bool


class Act(Enum):
    """What can be done to a unit, in the order in which one pass does it."""

    STOP = "stop"
    START = "start"


class Task(NamedTuple):
    """One thing to do on a node, and why."""

    act: Act
    container: Container
    reason: str


class Health(Enum):
    """What the silence of a node means. The wire knows only up and down."""

    UP = "up"
    SUSPECT = "suspect"
    DOWN = "down"


class Node(NamedTuple):
    """A node as the state server last heard of it.

    silent_s: seconds since its last heartbeat, or since the server started if that is later.
    """

    name: str
    silent_s: float
    health: Health


class Placement(NamedTuple):
    """A decision to write: put `name` on `node` (None: nowhere), and why."""

    name: str
    node: str | None
    reason: str


class Assignment(NamedTuple):
    """Everything that one node must run, as the state server said at one revision.

    epoch: which store answered; a store that was made anew has a new epoch.
    revision: grows with every change within an epoch; 0 means that nothing was ever written.
    """

    epoch: str
    revision: int
    containers: tuple[Container, ...]
