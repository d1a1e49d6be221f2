"""Faults of whole machines: the plug is pulled, an orderly shutdown, a pause.

A machine that is off keeps no dead-man timer: `lab heal` boots it, `lab up` too.
"""

from collections.abc import Mapping

from lab.faults.plan import HOST, MACHINES, Command, Fault, Option, Plan, one_of, shell
from lab.host.virsh import URI
from lab.machines.vagrant import BOOT_S, HALT_S, domain
from provisioning.topology import Machine, Topology

_VIRSH = ("virsh", "--quiet", "--connect", URI)
_VIRSH_S = 60.0
_STAYS = "! systemctl is-system-running | grep -qx stopping"


def cut(lab: Topology, machine: Machine, _: Mapping[str, str]) -> Plan:
    """Pull the plug of `machine`."""
    return _switch(lab, machine, "destroy", "shut off", "start")


def halt(lab: Topology, machine: Machine, options: Mapping[str, str]) -> Plan:
    """Pull the plug of `machine`, or shut it down in an orderly way."""
    if options["orderly"] == "no":
        return cut(lab, machine, options)
    # A node says goodbye first, and waits for its containers to run elsewhere.
    return _switch(lab, machine, "shutdown", "shut off", "start")._replace(bites_s=HALT_S)


def pause(lab: Topology, machine: Machine, _: Mapping[str, str]) -> Plan:
    """Let `machine` stand still; no clock of its own goes on but the battery's."""
    return _switch(lab, machine, "suspend", "paused", "resume")


def _switch(lab: Topology, machine: Machine, off: str, state: str, on: str) -> Plan:
    full = domain(lab, machine.name)
    asked = f'{" ".join(_VIRSH)} domstate {full} | grep -qx "{state}"'
    return Plan(
        act=(Command(HOST, (*_VIRSH, off, full), timeout_s=_VIRSH_S),),
        undo=(Command(HOST, (*_VIRSH, on, full), timeout_s=_VIRSH_S),),
        bites=(shell(HOST, asked),),
        # One that shuts down may still answer.
        gone=(shell(machine.name, _STAYS, f"{machine.name} does not answer", 5.0),),
        gone_s=BOOT_S,
    )


_ORDERLY = Option(
    "orderly", "no", "", "Shut down instead, as `vagrant halt` does.", one_of("answer", "yes", "no")
)

FAULTS = (
    Fault("cut", "Pull the plug: no shutdown, no last word.", MACHINES, (), cut, "", alone=False),
    Fault(
        "halt",
        "Pull the plug, or shut down with --orderly.",
        MACHINES,
        (_ORDERLY,),
        halt,
        "An orderly shutdown lets a node say goodbye: pull moves its containers first.",
        alone=False,
    ),
    Fault(
        "pause",
        "Let a VM stand still, and go on later with its old state.",
        MACHINES,
        (),
        pause,
        "Its clocks stand still, too. After it the time of day is wrong by the length of the pause "
        "until `lab heal`; nodes correct theirs by themselves.",
        alone=False,
    ),
)
