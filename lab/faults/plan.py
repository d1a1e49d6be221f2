"""What a fault is: data. A pure function makes a plan of commands that a person could type.

lab.faults.catalogue lists all faults, lab.faults.strike performs their plans.
"""

import re
import shlex
from collections.abc import Callable, Mapping
from typing import NamedTuple

from provisioning.topology import Machine, Topology
from services.core.errors import LabError
from services.core.names import check_label

HOST = "host"
# The lab's own network, in every machine. The management network, by which we get in, is eth0.
DEVICE = "eth1"
# Every table, unit and file that a fault makes begins so: `lab heal` finds them without a ledger.
PREFIX = "lab-fault"
TABLE = "lab_fault"

# What a check means when it fails.
THERE = "it is still there"
DELAYED = "it has a delay, loss or limit already"

NODES, MACHINES, API = "a node", "a machine", "the API machine"


class Command(NamedTuple):
    """One command. where: HOST, or the name of a machine. why: what it means when it fails.

    timeout_s: with KVM, for one in a machine.
    """

    where: str
    argv: tuple[str, ...]
    why: str = ""
    timeout_s: float = 10.0

    def __str__(self) -> str:
        """What a person would type on the host."""
        if self.where == HOST:
            return shlex.join(self.argv)
        return f"lab ssh {self.where} {_quoted(self.text)}"

    @property
    def text(self) -> str:
        """The command as a shell there reads it."""
        return self.argv[2] if self.argv[:2] == ("sh", "-c") else shlex.join(self.argv)


def _quoted(text: str) -> str:
    """As shlex.quote, but readable where it can be."""
    plain = "'" not in text or any(char in text for char in '"$`\\!')
    return shlex.quote(text) if plain else f'"{text}"'


class Plan(NamedTuple):
    """What a fault does to one machine, each part in order.

    act: hurts. undo: idempotent; one of it may fail where there is nothing to undo. bites: all end
    with 0 once the effect was seen. gone: all end with 0 once there is no trace. needs: all end
    with 0 where the fault can act. bites_s, gone_s: how long that may take with KVM; needs_s: by
    the lab's own periods.
    """

    act: tuple[Command, ...]
    undo: tuple[Command, ...]
    bites: tuple[Command, ...]
    gone: tuple[Command, ...]
    needs: tuple[Command, ...] = ()
    bites_s: float = 10.0
    gone_s: float = 10.0
    needs_s: float = 0.0


class Option(NamedTuple):
    """One option of a fault. default: None where it must be given. metavar: "" for a switch.

    check: returns the value, in the form that `plan` gets, or raises LabError.
    """

    name: str
    default: str | None
    metavar: str
    help: str
    check: Callable[[str], str]


Planner = Callable[[Topology, Machine, Mapping[str, str]], Plan]


class Fault(NamedTuple):
    """A way to hurt machines. aims: NODES, MACHINES or API. text: the rest of its --help.

    example: the options that an example of it needs. alone: a machine can undo it by itself.

    momentary: over as soon as it has acted, so that there is nothing to wait for or to undo.
    lasts: without a time, no machine undoes it: people work with what it left.
    """

    name: str
    summary: str
    aims: str
    options: tuple[Option, ...]
    plan: Planner
    text: str
    example: str = ""
    momentary: bool = False
    alone: bool = True
    lasts: bool = False

    @property
    def ends(self) -> bool:
        """Whether it ends some time without `lab`, also where it was given no time."""
        return self.alone and not self.momentary and not self.lasts


def complete(fault: Fault, given: Mapping[str, str]) -> dict[str, str]:
    """Return the value of every option of `fault`. Raises LabError, also for unknown ones."""
    known = {option.name: option for option in fault.options}
    for name in given:
        if name not in known:
            raise LabError(
                f"the fault {fault.name!r} has no option {name!r}",
                hint=f"use of: {', '.join(known)}" if known else "it has none",
            )
    values = {}
    for option in fault.options:
        value = given.get(option.name, option.default)
        if value is None:
            raise LabError(
                f"the fault {fault.name!r} needs --{option.name} {option.metavar}",
                hint=f"lab chaos {fault.name} --help",
            )
        values[option.name] = option.check(value)
    return values


def shell(where: str, script: str, why: str = "", timeout_s: float = 10.0) -> Command:
    """Return the command by which a shell at `where` runs `script`."""
    return Command(where, ("sh", "-c", script), why, timeout_s)


def background(unit: str) -> tuple[str, ...]:
    """Return the words that run a command, which follows, as `unit` of systemd.

    A `$` in it is left alone; the unit is gone when it has ended.
    """
    return ("systemd-run", "--quiet", "--collect", "--expand-environment=no", f"--unit={unit}")


def delete_table(where: str, table: str) -> Command:
    """Return the command that undoes the rules of nftables in `table`."""
    return Command(where, ("nft", "delete", "table", "inet", table))


def no_table(where: str, table: str) -> Command:
    """Return the check that there is no `table` of nftables."""
    return shell(where, f"! nft list table inet {table} 2>/dev/null", THERE)


def said_since(file: str) -> str:
    """Return the command of a shell that prints the journal since `file` was written.

    Its time is when the fault began: what was said before does not count.
    """
    return f"journalctl --quiet --no-pager --since=$(date --reference={file} +@%s.%N)"


def is_running(units: str) -> str:
    """Return the command of a shell that ends with 0 where one of `units` runs.

    `activating` is the state of a program of one pass while it works.
    """
    return f'systemctl is-active {units} | grep -Eqx "active|activating|reloading"'


def one_of(what: str, *words: str) -> Callable[[str], str]:
    """Return a check for one of `words`, each of which is a `what`."""

    def check(value: str) -> str:
        if value not in words:
            raise LabError(f"unknown {what} {value!r}", hint=f"use one of: {', '.join(words)}")
        return value

    return check


def matching(what: str, pattern: str, example: str) -> Callable[[str], str]:
    """Return a check for what `pattern` matches as a whole."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise LabError(f"{value!r} is not {what}", hint=f"for example {example}")
        return value

    return check


def label(value: str) -> str:
    """Return `value` if it is the name of a container; raises BadName."""
    return check_label(value, "container")


def seconds(text: str) -> float:
    """Return the seconds of a duration such as 30s, 1.5m or 1h; raises LabError."""
    check = matching("a duration", r"\d{1,6}(\.\d{1,3})?[smh]?", "30s, 5m or 1h")
    unit = {"m": 60.0, "h": 3600.0}.get(check(text)[-1:], 1.0)
    return float(text.rstrip("smh")) * unit


MILLISECONDS = matching("a delay", r"\d{1,6}ms", "200ms")
PERCENT = matching("a share", r"(100|\d{1,2})(\.\d)?%", "10%")
MODE = Option(
    "mode",
    "both",
    "push|pull|both",
    "Which control plane; both means every one that is on.",
    # Two names: what `both` becomes once it is known which are on.
    one_of("mode", "push", "pull", "both", "push,pull"),
)


def typed(fault: Fault, target: str, options: Mapping[str, str]) -> list[str]:
    """Return the words of the command by which a person hits `target`.

    target: left out of it where the fault aims at the API. options: those that are given; a switch
    is given as `yes`, or else left out.
    """
    switches = {option.name for option in fault.options if not option.metavar}
    words = [
        f"--{key}" if key in switches else f"--{key}={value}"
        for key, value in options.items()
        if key not in switches or value == "yes"
    ]
    return ["lab", "chaos", fault.name, *([] if fault.aims == API else [target]), *words]
