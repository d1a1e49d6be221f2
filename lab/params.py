"""The words that commands take: checked against what exists, completed by the shell."""

from collections.abc import Callable, Sequence

import click
from click.shell_completion import CompletionItem

from lab.errors import UnknownChoice
from provisioning import topology
from services.core.profile import PROFILES

BOTH = "both"


class Known(click.ParamType[str]):
    """One of a set of words. Unlike click.Choice it fails with an error that has a hint."""

    def __init__(self, what: str, words: Callable[[], Sequence[str]]) -> None:
        self.name = what
        self._words = words

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        words = self._words()
        if value not in words:
            raise UnknownChoice(self.name, value, words)
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
