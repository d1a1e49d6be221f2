"""`lab demo`: the three demonstrations, and the table at the end."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from lab.bringup.watchdog import watched
from lab.commands.chaos import mode_option
from lab.terminal.params import Known, json_option
from lab.terminal.table import echo, echo_json, render
from provisioning import topology

if TYPE_CHECKING:
    from lab.demo.verdict import Outcome

# lab.demo.verdict.DEMONSTRATIONS, without the import.
NAMES = ("reconciliation", "resilience", "self-healing")


@click.command()
@click.argument(
    "name", required=False, type=Known("demonstration", lambda: NAMES), metavar="[NAME]"
)
@mode_option
@json_option
@click.pass_context
def demo(ctx: click.Context, name: str | None, mode: str, as_json: bool) -> None:
    """Play the demonstration NAME, or all three, and print what each mode made of it.

    \b
    reconciliation   a container that was never asked for appears on a node
    resilience       the API stops, and meanwhile a container dies
    self-healing     the plug of a node is pulled

    One fault hits all modes at the same instant. Exits with 0 only if every outcome is the
    expected one; that push repairs nothing is expected. Uses containers of its own (demo-*) and
    heals the lab at the end, also after Ctrl-C. What you started in push on the node that loses
    its plug is lost, as push loses it; a container of push called `fake` is stopped.

    \b
    lab demo
    lab demo self-healing --mode pull
    """
    from lab.demo import play
    from lab.demo.playground import Playground
    from lab.demo.verdict import succeeded
    from lab.planes import modes
    from lab.terminal import lock

    lab = topology.load()
    progress = watched()
    with lock.locked("lab demo"):
        chosen = modes.pick(mode, modes.on(lab))
        playground = Playground(lab, chosen, modes.profile(lab), progress)
        outcomes = play.run(playground, NAMES if name is None else [name], progress)
    as_expected = succeeded(outcomes)
    if as_json:
        rows = [{**o._asdict(), "verdict": o.verdict.name.lower()} for o in outcomes]
        profile = playground.profile.name
        echo_json({"profile": profile, "outcomes": rows, "as_expected": as_expected})
    else:
        echo(f"\n{table(outcomes)}")
    ctx.exit(0 if as_expected else 1)


def table(outcomes: "Sequence[Outcome]") -> str:
    """Return demonstration, mode, verdict, seconds and what happened, a line each."""
    rows = [
        (
            o.demonstration,
            o.mode,
            o.verdict.value,
            "-" if o.seconds is None else f"{o.seconds:.1f}",
            o.happened,
        )
        for o in outcomes
    ]
    return render(("demonstration", "mode", "verdict", "seconds", "what happened"), rows)
