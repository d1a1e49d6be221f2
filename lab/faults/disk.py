"""A disk that is full."""

from collections.abc import Mapping

from lab.faults.plan import MACHINES, PREFIX, Command, Fault, Plan, shell
from provisioning.topology import Machine, Topology

# On the disk that has the agent's memory and the state server's data. Blocks that are never
# written take no room on the host.
FILLER = f"/var/lib/{PREFIX}.filler"
_PROBE = f"/var/lib/{PREFIX}.probe"


def full(_: Topology, machine: Machine, options: Mapping[str, str]) -> Plan:
    """Take all room of the disk of `machine`."""
    # It takes what there is before it says that this was not enough.
    fill = f"fallocate --length 100G {FILLER} 2>/dev/null; test -s {FILLER}"
    write = f"! head -c 1M /dev/zero >{_PROBE}; seen=$?; rm -f {_PROBE}; exit $seen"
    return Plan(
        act=(shell(machine.name, fill),),
        undo=(Command(machine.name, ("rm", "-f", FILLER)),),
        bites=(shell(machine.name, f"df --output=avail,target /var/lib; {write}"),),
        gone=(Command(machine.name, ("test", "!", "-e", FILLER), f"{FILLER} is there"),),
    )


FAULTS = (
    Fault(
        "disk-full",
        "Fill the disk to the last block.",
        MACHINES,
        (),
        full,
        "Agents cannot remember, and the state server cannot acknowledge: what is refused is "
        "refused, and nothing is lost.",
    ),
)
