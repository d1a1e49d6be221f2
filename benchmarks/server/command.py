"""`python -m benchmarks server`: the state server alone, on this machine."""

import click

from lab.bringup.watchdog import watched
from lab.terminal.params import json_option
from lab.terminal.table import echo, echo_json


@click.command("server")
@click.option(
    "--stored",
    type=click.IntRange(min=1),
    default=10_000,
    show_default=True,
    help="Containers in the larger database; the smaller one has 100.",
)
@click.option(
    "--watchers",
    type=click.IntRange(1, 1000),
    default=1000,
    show_default=True,
    help="Agents that watch at once.",
)
@click.option(
    "--seconds",
    "span_s",
    type=click.FloatRange(min=0.1),
    default=3.0,
    show_default=True,
    metavar="SECONDS",
    help="How long each rate of writes is measured.",
)
@json_option
def server(stored: int, watchers: int, span_s: float, as_json: bool) -> None:
    """Measure the state server alone: durable writes, lists, and a thousand watching agents.

    Starts one on this machine's loopback, with its database on the disk of this checkout; needs no
    VM. The same writes go to a server over TinyDB's own storage in the same run.
    """
    from benchmarks.server.measure import Scope, measure
    from benchmarks.server.report import as_data, as_text

    sizes = (100, stored) if stored > 100 else (stored,)
    scope = Scope(stored=sizes, watchers=watchers, span_s=span_s)
    data = as_data(measure(scope, watched()))
    if as_json:
        echo_json(data)
    else:
        echo(as_text(data))
