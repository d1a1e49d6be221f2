"""The words that commands take: checked against what exists, completed by the shell."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from provisioning import topology
from services.core.errors import LabError
from services.core.profiles import DEFAULT_PROFILE, PROFILES

FC = TypeVar("FC", bound=Callable[..., Any])

BOTH = "both"

dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Print the steps and their reasons, and change nothing."
)


class Known(click.ParamType[str]):
    """One of a set of words. Unlike click.Choice it fails with an error that has a hint."""

    def __init__(self, what: str, words: Callable[[], Sequence[str]]) -> None:
        self.name = what
        self._words = words

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        words = self._words()
        if value not in words:
            known = ", ".join(words)
            raise LabError(f"unknown {self.name} {value!r}", hint=f"use one of: {known}")
        return value

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return [CompletionItem(word) for word in self._words() if word.startswith(incomplete)]


def _names(machines: Sequence[topology.Machine]) -> list[str]:
    return [machine.name for machine in machines]


def modes() -> list[str]:
    """Return the names of the control planes, in the topology's order."""
    return list(topology.load().ports)


MODE = Known("mode", lambda: [*modes(), BOTH])
PROFILE = Known("profile", lambda: list(PROFILES))
NODE = Known("node", lambda: _names(topology.load().nodes))
MACHINE = Known("machine", lambda: _names(topology.load().machines))

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
# Of commands that bring up a lab of their own.
mode_option = click.option(
    "--mode", type=MODE, default=BOTH, show_default=True, metavar="push|pull|both"
)
profile_option = click.option(
    "--profile", type=PROFILE, default=DEFAULT_PROFILE, show_default=True, metavar="seed|fast"
)
runs_option = click.option(
    "--runs", type=click.IntRange(min=1), default=3, show_default=True, help="Runs to take."
)


def typed(ctx: click.Context) -> list[str]:
    """Return the names of the parameters that are on the command line, in their order."""
    source = ctx.get_parameter_source
    return [name for name in ctx.params if source(name) is ParameterSource.COMMANDLINE]


def only_option(what: str, words: Sequence[str]) -> Callable[[FC], FC]:
    """Return the option that chooses among `words`, each of which is a `what`."""
    return click.option(
        "--only",
        type=Known(what, lambda: words),
        multiple=True,
        metavar="|".join(words),
        help="Measure this alone; may be repeated.",
    )
