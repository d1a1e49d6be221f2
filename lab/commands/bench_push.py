"""`lab bench push`: many orders at once, against Ansible."""

from typing import Any

import click

from lab.bringup.watchdog import watched
from lab.terminal.params import json_option, runs_option
from lab.terminal.table import echo, echo_json, render
from provisioning import topology


@click.command("push")
@click.option(
    "--containers",
    "count",
    type=click.IntRange(1, 60),
    default=30,
    show_default=True,
    help="How many are started at once.",
)
@click.option("--baseline", is_flag=True, help="Also Ansible; installs ansible-core from PyPI.")
@runs_option
@json_option
def bench_push(count: int, baseline: bool, runs: int, as_json: bool) -> None:
    """Time push: many orders at once, until the last container serves.

    Sends a POST /container/start for each container, all at once, and waits for all answers; then
    stops the containers in the same way. What else runs is left alone.

    With --baseline also one play of Ansible over all nodes: ansible.builtin.systemd in a loop that
    starts the same units, without gathering facts. ansible-core is installed from PyPI in a
    temporary folder. One of each in turn, so that both have the same machine at the same time.

    \b
    lab bench push --runs 5              push alone, five times
    lab bench push --baseline            how many times as fast as Ansible
    """
    from lab.bench import push
    from lab.planes import modes
    from lab.terminal import lock

    lab = topology.load()
    with lock.locked("lab bench push"):
        modes.pick("push", modes.on(lab))
        results = push.measure(lab, count, runs, watched(), baseline=baseline)
    if as_json:
        echo_json({"containers": count, "runs": runs, **as_data(results)})
    else:
        echo(as_text(results))


def as_data(results: Any) -> dict[str, Any]:
    """Return the summary of each measurement, and how many times as fast as Ansible push is."""
    from lab.bench.push import ANSIBLE, PUSH
    from lab.bench.stats import ratio, summary

    found = {what: summary(values) for what, values in results.items()}
    return {
        "seconds": {what: one and one._asdict() for what, one in found.items()},
        "Ansible / push": ratio(found.get(ANSIBLE), found.get(PUSH)),
    }


def as_text(results: Any) -> str:
    """Return a line for each measurement, and the ratio if there is one."""
    from lab.bench.stats import number

    data = as_data(results)
    rows = [
        (what, *(number(one[key]) for key in ("median", "least", "most")))
        for what, one in data["seconds"].items()
    ]
    table = render(("s", "median", "least", "most"), rows)
    gain = data["Ansible / push"]
    return table if gain is None else f"{table}\nAnsible / push: {number(gain, 'x')}"
