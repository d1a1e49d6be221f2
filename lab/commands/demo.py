"""`lab demo`: the three demonstrations, and the table at the end."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from lab.bringup.watchdog import watched
from lab.commands.chaos import mode_option
from lab.terminal.params import Known, json_option, typed
from lab.terminal.table import echo, echo_json, render
from provisioning import topology
from services.core.errors import LabError

if TYPE_CHECKING:
    from lab.demo.cue import Cue
    from lab.demo.performance import Outcome
    from lab.demo.presenter import Slack
    from lab.experiment.pace import Pace

# A demonstration -> the experiment that it is.
EXPERIMENTS = {
    "reconciliation": "reconciliation",
    "resilience": "resilience",
    "self-healing": "node-failure",
}
_NAME = Known("demonstration", lambda: list(EXPERIMENTS))


def _languages() -> Sequence[str]:
    from lab.demo.presenter import LANGUAGES

    return LANGUAGES


_LANGUAGE = Known("language", _languages)
_WORDS = {True: "expected", False: "unexpected", None: "unknown"}


@click.command()
@click.argument("name", required=False, type=_NAME, metavar="[NAME]")
@mode_option
@click.option(
    "--auto", is_flag=True, help="Do not stop before each act. Always so without a terminal."
)
@click.option(
    "--rehearse", is_flag=True, help="As --auto; then print how much of each deadline was left."
)
@click.option("--from", "first", type=_NAME, metavar="NAME", help="Begin with this one.")
@click.option("--resume", is_flag=True, help="Go on at the step at which the last one was ended.")
@click.option(
    "--lang",
    type=_LANGUAGE,
    metavar="en|fr",
    default="en",
    show_default=True,
    help="Language of the talk.",
)
@json_option
@click.pass_context
def demo(
    ctx: click.Context,
    name: str | None,
    mode: str,
    auto: bool,
    rehearse: bool,
    first: str | None,
    resume: bool,
    lang: str,
    as_json: bool,
) -> None:
    """Play the demonstration NAME, or all three, and print what each mode made of it.

    \b
    reconciliation   a container that was never asked for appears on a node
    resilience       the API stops, and meanwhile a container dies
    self-healing     the plug of a node is pulled

    On a terminal it stops before each act, shows what to say, the command and what to expect, and
    goes on at Enter, space, or a clicker's key, or at a press on the page of `lab stage --phone`.
    If pull misses its deadline, it asks: wait on, reset and play the step again, play it as an
    earlier run recorded it (on the page of `lab stage`), or go on. After Ctrl-C, a closed terminal
    or a crash, `--resume` plays what was played before without stopping, and stops at that step.

    One fault hits all modes at the same instant: these are experiments, and `lab run` plays the
    same. Exits with 0 only if every outcome is the expected one; that push repairs nothing is
    expected. Uses containers of its own (run-*) and heals the lab at the end, also after Ctrl-C.
    What you declared stays, if the lab is not reset; what you started in push on the node that
    loses its plug is lost, as push loses it. A container of push called `fake` is stopped.

    \b
    lab demo                              on stage
    lab demo --auto                       unattended
    lab demo --rehearse                   before the talk: how close is each deadline?
    lab demo --resume                     after Ctrl-C: at that step, with that mode and language
    lab demo self-healing --lang fr
    """
    from lab.demo.cue import Cue
    from lab.demo.performance import perform
    from lab.demo.presenter import Rehearsal, Slack
    from lab.experiment.check.finding import composed
    from lab.planes import modes
    from lab.terminal import lock

    attended = not (auto or rehearse or as_json) and sys.stdin.isatty() and sys.stderr.isatty()
    cue = _resumed(ctx, attended=attended) if resume else Cue(_chosen(name, first), mode, lang)
    chosen = {one: EXPERIMENTS[one] for one in cue.names}
    progress, waits = watched(), list[Slack]()
    with lock.locked("lab demo"):
        profile = modes.profile(topology.load()).name
        with _speaker(cue) if attended else nullcontext(partial(Rehearsal, waits=waits)) as pace:
            done = perform(chosen, cue.mode, pace, progress)
    as_expected = composed(outcome.verdict for outcome in done.outcomes) is True
    if as_json:
        rows = [_as_json(one) for one in done.outcomes]
        slack = [one._asdict() for one in waits]
        found = {"profile": profile, "outcomes": rows, "as_expected": as_expected, "waits": slack}
        echo_json(found)
    else:
        echo("\n".join(["", _table(done.outcomes), "", *(f"page: {page}" for page in done.pages)]))
        if rehearse:
            echo(f"\n{_slack(waits)}")
    ctx.exit(0 if as_expected else 1)


def _chosen(name: str | None, first: str | None) -> tuple[str, ...]:
    if name and first:
        raise LabError("a name and --from are two wishes", hint="leave one of them out")
    names = tuple(EXPERIMENTS)
    return (name,) if name else names[names.index(first) if first else 0 :]


def _resumed(ctx: click.Context, *, attended: bool) -> "Cue":
    """Return where the last one was ended. Raises LabError, also where more is asked for."""
    from lab.demo import cue
    from lab.demo.presenter import LANGUAGES

    if typed(ctx) != ["resume"] or not attended:
        raise LabError(
            "--resume takes no other option, and needs a terminal",
            hint="leave the name and all options out",
        )
    left = cue.read()
    known = left and set(left.names) <= set(EXPERIMENTS) and left.language in LANGUAGES
    if left is None or not known or not left.names:
        raise LabError("no demonstration was ended in the middle", hint="lab demo begins one")
    return left


@contextmanager
def _speaker(cue: "Cue") -> "Iterator[Callable[[str], Pace]]":
    """Yield what makes a presenter, in this terminal, of a demonstration's name."""
    from lab.demo import recorded
    from lab.demo.cue import Cue, desk
    from lab.demo.presenter import Presenter, load

    language, show = cue.language, partial(echo, err=True)

    def presenter(name: str) -> Presenter:
        experiment = EXPERIMENTS[name]
        stop = cue.stop if name == cue.names[0] else ""
        left = cue.names[cue.names.index(name) :]
        table.tell(**Cue(left, cue.mode, language, stop=stop)._asdict())
        find = partial(recorded.find, experiment)
        return Presenter(load(experiment, language), language, show, table, find, stop)

    with desk(cue) as table:
        try:
            yield presenter
        except KeyboardInterrupt:
            show("lab demo --resume goes on at this step")
            raise


def _table(outcomes: "list[Outcome]") -> str:
    header = ("demonstration", "mode", "verdict", "seconds", "what happened")
    return render(header, [one.words for one in outcomes])


def _slack(waits: "list[Slack]") -> str:
    """Return for each wait for pull what it took of its deadline, as a table."""
    rows = [
        (
            one.demonstration,
            one.step,
            "not in time" if one.took_s is None else f"{one.took_s:.1f}",
            f"{one.limit_s:.1f}",
            "-" if one.took_s is None else f"{one.limit_s - one.took_s:.1f}",
        )
        for one in waits
    ]
    return render(("demonstration", "wait for pull", "took, s", "deadline, s", "left, s"), rows)


def _as_json(outcome: "Outcome") -> dict[str, Any]:
    fields = outcome._asdict()
    amount = fields.pop("amount")
    seconds = None if amount is None else round(amount.middle_s, 3)
    return {**fields, "verdict": _WORDS[outcome.verdict], "seconds": seconds}
