"""The command of each fault, made of what the fault says of itself."""

import time
from collections.abc import Mapping, Sequence
from random import randrange
from typing import TYPE_CHECKING, Any

import click

from lab.bringup.watchdog import watched
from lab.faults import targets
from lab.faults.plan import API, NODES, Fault, Option, seconds
from lab.terminal.params import Known
from lab.terminal.progress import Progress
from lab.terminal.table import echo
from provisioning import topology
from provisioning.topology import Machine, Topology

if TYPE_CHECKING:
    from lab.faults.plan import Plan
    from lab.faults.strike import Strike

_LOOK_S = 5.0
# As long as a command of another terminal may take.
_TURN_S = 600.0


class Target(click.ParamType[str]):
    """Names of machines, or a rule; what they mean is known once the lab is looked at."""

    name = "target"

    def __init__(self, fault: Fault) -> None:
        self._fault = fault

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> Any:
        words = [m.name for m in _candidates(topology.load(), self._fault)] + list(targets.RULES)
        return Known("target", lambda: words).shell_complete(ctx, param, incomplete)


def _candidates(lab: Topology, fault: Fault) -> tuple[Machine, ...]:
    return {API: (lab.api,), NODES: lab.nodes}.get(fault.aims, lab.machines)


def command(fault: Fault) -> click.Command:
    """Return the command of `fault`; its parameters are the fault's own."""

    def callback(
        dry_run: bool,
        target: str = "",
        seed: int | None = None,
        for_s: str | None = None,
        **given: Any,
    ) -> None:
        words = {"True": "yes", "False": "no"}
        options = {key: words.get(str(value), str(value)) for key, value in given.items()}
        _break(fault, target, options, for_s, seed, dry_run=dry_run)

    return click.Command(
        fault.name,
        callback=callback,
        params=_params(fault),
        help=_help(fault),
        short_help=fault.summary,
    )


def _params(fault: Fault) -> list[click.Parameter]:
    """The target, the fault's own options, and those that all have."""
    aimed, lasting = fault.aims != API, not fault.momentary
    target = click.Argument(["target"], type=Target(fault), metavar="TARGET")
    for_s = click.Option(
        ["--for", "for_s"],
        metavar="DURATION",
        help="Wait so long (30s, 5m), then undo it; Ctrl-C ends it earlier.",
    )
    seed = click.Option(["--seed"], type=int, help="For a TARGET that is drawn.")
    dry_run = click.Option(
        ["--dry-run"],
        is_flag=True,
        help="Print the commands and how they are undone, and change nothing.",
    )
    own = map(_option, fault.options)
    return [*[target] * aimed, *own, *[for_s] * lasting, *[seed] * aimed, dry_run]


def _option(option: Option) -> click.Option:
    if not option.metavar:
        return click.Option([f"--{option.name}"], is_flag=True, help=option.help)
    return click.Option(
        [f"--{option.name}"],
        default=option.default,
        show_default=bool(option.default),
        required=option.default is None,
        metavar=option.metavar,
        help=option.help,
    )


def _help(fault: Fault) -> str:
    lines = [fault.summary, fault.text]
    if fault.aims != API:
        rules = ", ".join(targets.RULES)
        lines.append(
            f"TARGET is {fault.aims}, several with commas, or a rule about nodes: {rules}."
        )
    if not fault.momentary:
        lines.append(
            "Without --for it stays until `lab heal`"
            + ("; after 10 minutes a machine undoes it by itself." if fault.ends else ".")
        )
    typed = f"lab chaos {fault.name}"
    hit = "" if fault.aims == API else " node1"
    more = f" {fault.example}" if fault.example else ""
    examples = ["\b", f"{typed}{hit}{more}"]
    examples += [] if fault.momentary else [f"{typed}{hit}{more} --for 30s"]
    examples += [] if fault.aims == API else [f"{typed} one{more} --seed 7"]
    return "\n\n".join([*filter(None, lines), "\n".join(examples)])


def _break(
    fault: Fault,
    target: str,
    options: Mapping[str, str],
    duration: str | None,
    seed: int | None,
    *,
    dry_run: bool,
) -> None:
    from lab.faults.ready import planned

    lab = topology.load()
    for_s = None if duration is None else seconds(duration)
    seed = randrange(10_000) if seed is None else seed  # noqa: S311 - no secret
    machines = _chosen(lab, fault, target, seed)
    names = ", ".join(machine.name for machine in machines)
    if dry_run:
        _print(planned(lab, fault, machines, options))
        return
    progress = watched()
    if target and names != target:
        progress(f"{target} is {names} (--seed {seed})")
    struck = _hit(lab, fault, machines, options, for_s, seed, progress)
    if struck is None:
        return
    if for_s is not None:
        _end_in_time(struck, for_s, f"{fault.name} {names}", progress)
    elif not fault.momentary:
        ids = ", ".join(hit.hurt.id for hit in struck.hits)
        echo(f"{fault.name} acts on {names} ({ids}) until `lab heal`")


def _hit(
    lab: Topology,
    fault: Fault,
    machines: Sequence[Machine],
    options: Mapping[str, str],
    for_s: float | None,
    seed: int,
    progress: Progress,
) -> "Strike | None":
    """Strike under the lab's lock; None where there was nothing to do."""
    from lab.faults import mend
    from lab.faults.ready import check_up, resolved
    from lab.faults.strike import strike, unrecorded
    from lab.terminal import lock

    what = f"{fault.name} {', '.join(machine.name for machine in machines)}"
    with lock.locked(f"lab chaos {what}"):
        if fault.name == "corrupt":
            check_up(lab, fault, machines)
            options = _left_alone(machines, resolved(lab, fault, options), progress)
            if not options["mode"]:
                return None
        mend.remind(progress)
        with progress.phase(what):
            return strike(
                lab, fault.name, machines, options,
                for_s=for_s, seed=seed, say=progress, put=unrecorded,
            )  # fmt: skip


def _chosen(lab: Topology, fault: Fault, target: str, seed: int) -> list[Machine]:
    if fault.aims == API:
        return [lab.api]
    loads = _loads(lab) if target == targets.BUSIEST else {}
    return targets.choose(target, _candidates(lab, fault), seed, loads)


def _loads(lab: Topology) -> dict[str, int]:
    """Node -> how many containers serve there, in all modes; 0 for one that does not answer."""
    from lab.host.speed import deadline_s
    from lab.machines import remote, units

    said = remote.run_all(lab.nodes, units.LIST, timeout_s=deadline_s(_LOOK_S))
    return {
        node: sum(len(units.containers(units.parse(text), mode)) for mode in lab.ports)
        for node, text in said.items()
        if isinstance(text, str)
    }


def _left_alone(
    machines: Sequence[Machine], options: Mapping[str, str], say: Progress
) -> dict[str, str]:
    """Return `options` with the modes in which no container of that name runs on a machine."""
    from lab.faults import chaos as faults

    chosen = options["mode"].split(",")
    for machine in machines:
        free = faults.free_modes(machine, options["name"], chosen)
        for other in chosen:
            if other not in free:
                name = options["name"]
                say(f"{other}: {name!r} runs on {machine.name} already and is left alone")
        chosen = free
    return {**options, "mode": ",".join(chosen)}


def _print(plans: Mapping[str, "Plan"]) -> None:
    for plan in plans.values():
        for title, commands in (("act", plan.act), ("seen", plan.bites), ("undo", plan.undo)):
            echo("\n".join(f"{title:5} {command}" for command in commands))


def _end_in_time(struck: "Strike", for_s: float, what: str, progress: Progress) -> None:
    """Undo `struck` after `for_s` seconds, or when the command is ended earlier."""
    from lab.terminal import lock

    try:
        # Without the lock: other faults may join, and `lab heal` may end all of them.
        with progress.phase(f"{what} acts, for {for_s:g} s; Ctrl-C ends it"):
            time.sleep(for_s)
    finally:
        with (
            lock.awaited(f"lab chaos, which undoes {what}", _TURN_S),
            progress.phase(f"undo {what}"),
        ):
            struck.undo()
