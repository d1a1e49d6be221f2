"""Faults of whole machines: the plug is pulled, an orderly shutdown, a pause.

A machine that is off keeps no dead-man timer: `lab heal` boots it, `lab up` too.
"""

from collections.abc import Mapping

from lab.faults.plan import HOST, MACHINES, Command, Fault, Option, Plan, one_of, shell
from lab.machines.choice import chosen
from lab.machines.power import BOOT_S, HALT_S
from lab.machines.provider import Verb
from provisioning.topology import Machine, Topology

_COMMAND_S = 60.0
_STAYS = "! systemctl is-system-running | grep -qx stopping"


def cut(lab: Topology, machine: Machine, _: Mapping[str, str]) -> Plan:
    """Pull the plug of `machine`."""
    return _switch(lab, machine, Verb.CUT, "off", Verb.START)


def halt(lab: Topology, machine: Machine, options: Mapping[str, str]) -> Plan:
    """Pull the plug of `machine`, or shut it down in an orderly way."""
    if options["orderly"] == "no":
        return cut(lab, machine, options)
    # A node says goodbye first, and waits for its containers to run elsewhere.
    return _switch(lab, machine, Verb.HALT, "off", Verb.START)._replace(bites_s=HALT_S)


def pause(lab: Topology, machine: Machine, _: Mapping[str, str]) -> Plan:
    """Let `machine` stand still; no clock of its own goes on but the battery's."""
    return _switch(lab, machine, Verb.PAUSE, "paused", Verb.RESUME)


def _switch(lab: Topology, machine: Machine, off: Verb, state: str, on: Verb) -> Plan:
    provider, name = chosen(), machine.name
    return Plan(
        act=(Command(HOST, provider.command(lab, off, name), timeout_s=_COMMAND_S),),
        undo=(Command(HOST, provider.command(lab, on, name), timeout_s=_COMMAND_S),),
        bites=(Command(HOST, provider.proof(lab, state, name)),),
        # One that shuts down may still answer.
        gone=(shell(name, _STAYS, f"{name} does not answer", 5.0),),
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
