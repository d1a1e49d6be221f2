"""A clock that jumps."""

from collections.abc import Mapping

from lab.faults.plan import MACHINES, Command, Fault, Option, Plan, shell
from provisioning.topology import Machine, Topology
from services.core.errors import LabError
from services.lib.world_clock import RTC

# The battery's clock shows whole seconds, and follows the host's.
_EXACT_S = 2
_LEAST_S = 10
AHEAD = f"ahead=$(( $(date +%s) - $(cat {RTC}) ))"


def step(_: Topology, machine: Machine, options: Mapping[str, str]) -> Plan:
    """Step the time of day of `machine`. Its monotonic clocks, on which leases count, go on."""
    by_s = int(options["by"])
    seen = f'test "$ahead" {"-ge" if by_s > 0 else "-le"} {by_s // 2}'
    return Plan(
        act=(Command(machine.name, ("date", f"--set={by_s:+d} seconds")),),
        undo=(shell(machine.name, f"date --set=@$(cat {RTC})"),),
        bites=(shell(machine.name, f"{AHEAD}; echo ahead by $ahead s; {seen}"),),
        gone=(
            shell(
                machine.name,
                f'{AHEAD}; test "${{ahead#-}}" -le {_EXACT_S}',
                f"the clock of {machine.name} is wrong",
            ),
        ),
    )


def _by(value: str) -> str:
    try:
        by_s = int(value.removesuffix("s"))
    except ValueError:
        by_s = 0
    if not _LEAST_S <= abs(by_s) <= 10**8:
        raise LabError(
            f"{value!r} is not a step of at least {_LEAST_S} s", hint="for example --by -60s"
        )
    return str(by_s)


FAULTS = (
    Fault(
        "clock-step",
        "Let the time of day jump.",
        MACHINES,
        (Option("by", "-60s", "SECONDS", "Forwards, or back with a minus.", _by),),
        step,
        "Nodes follow the clock of `api`, and step back to it within half a minute; a step of "
        "`api` stays, and the nodes follow.",
    ),
)
