"""What every kind of machines can do: the one protocol between the lab and what runs its machines.

A provider is a module; lab.machines.choice says which. Most of the lab calls lab.machines.power,
which waits for what a provider has begun. Consoles are files, see lab.host.console.
"""

from collections.abc import Callable, Collection, Sequence
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from lab.terminal.progress import Progress
from provisioning.topology import Machine, Topology

if TYPE_CHECKING:
    from provisioning.box.build import Box

Say = Callable[[str], None]


class Verb(Enum):
    """What can be done to a machine that exists, in one command. HALT only asks: it may take."""

    START = "start"
    HALT = "halt"
    CUT = "cut"
    PAUSE = "pause"
    RESUME = "resume"


class Address(NamedTuple):
    """Where this computer reaches a port of a machine."""

    host: str
    port: int


class Provider(Protocol):
    """One kind of machines. Whatever changes something is safe to interrupt and to repeat."""

    def tools(self, *, creating: bool) -> Sequence[str]:
        """Return the programs that are needed. creating: also for machines that do not exist."""

    def saves(self) -> bool:
        """Return whether memory and disks of these machines can be saved; see lab.snapshot."""

    def claim(self, topology: Topology, box: "Box", saved: Collection[str], say: Say) -> None:
        """Make sure that nothing but this checkout's lab is in the way of new settings.

        Deletes what killed runs left. saved: versions of boxes that saved labs stand on. Raises
        LabError where machines of another checkout run.
        """

    def furnish(self, topology: Topology, box: "Box", saved: Collection[str], say: Say) -> None:
        """Make what machines on `box` stand on: networks, and the box's disk. After settings."""

    def create(self, names: Sequence[str]) -> Sequence[str]:
        """Create and boot `names`; return those of them that may not answer over SSH yet.

        Raises LabError.
        """

    def delete(self, topology: Topology, *, ground: bool) -> list[str]:
        """Delete every machine of the lab, its disk included; return them.

        ground: also what they stand on, the images of boxes excepted.
        """

    def release(self, topology: Topology, progress: Progress) -> None:
        """End what the lab runs on this computer for machines, once there are none."""

    def complete(self, topology: Topology) -> bool:
        """Return whether what the lab runs on this computer for machines runs."""

    def revive(self, topology: Topology) -> None:
        """Start what of that has ended. Raises LabError."""

    def states(self, topology: Topology, *, timeout_s: float) -> dict[str, str]:
        """Return machine name -> "running", "paused", "off" or "absent", for every machine.

        Raises ToolFailed where that cannot be known within `timeout_s`.
        """

    def command(self, topology: Topology, verb: Verb, name: str) -> tuple[str, ...]:
        """Return the words by which a person would do that to machine `name`, in the checkout."""

    def proof(self, topology: Topology, state: str, name: str) -> tuple[str, ...]:
        """Return the words that end with 0 where machine `name` is "off", or "paused"."""

    def address(self, machine: Machine, port: int) -> Address:
        """Return where this computer reaches `port` of the machine's management address."""

    def lab_address(self, machine: Machine, port: int) -> Address:
        """Return where it reaches TCP `port` of the machine in the lab's network, with its faults.

        Raises LabError.
        """
