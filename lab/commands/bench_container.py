"""`lab bench container`: how long a container takes to start."""

from typing import Any

import click

from lab.terminal.params import NODE, json_option
from lab.terminal.table import echo, echo_json, render
from provisioning import topology


@click.command("container")
@click.option("--node", type=NODE, default="node1", show_default=True, help="Where to measure.")
@click.option(
    "--runs", type=click.IntRange(min=1), default=20, show_default=True, help="Runs to take."
)
@json_option
def bench_container(node: str, runs: int, as_json: bool) -> None:
    """Time a container from `systemctl start` to ready, on a node of the running lab.

    Beside it, for comparison, an empty process in the same sandbox and one without any. Measured
    inside the node, each in turn; its units are removed afterwards. Containers that the node runs
    are left alone.
    """
    from lab.bench import container
    from lab.planes import modes
    from lab.terminal import lock

    lab = topology.load()
    with lock.locked("lab bench container"):
        modes.on(lab)  # raises LabNotUp
        results = container.measure(lab.machine(node), runs)
    if as_json:
        data = {title: found and found._asdict() for title, found in results.items()}
        echo_json({"node": node, "runs": runs, "seconds": data})
    else:
        echo(as_text(results))


def as_text(results: Any) -> str:
    """Return a line for each measurement: its median, and from least to most."""
    from lab.bench.stats import number

    rows = [
        (title, number(found.median), f"{number(found.least)}-{number(found.most)}")
        for title, found in results.items()
    ]
    return render(("systemctl start to ready", "median, s", "least-most, s"), rows)
