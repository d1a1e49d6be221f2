"""`lab status`: one screen about everything, read live."""

import time
from functools import partial

import click

from lab.terminal.params import json_option
from lab.terminal.table import echo, echo_json
from provisioning import topology

_WATCH_S = 2.0


@click.command()
@json_option
@click.option("--watch", is_flag=True, help="Look again every 2 s, until Ctrl-C.")
def status(as_json: bool, watch: bool) -> None:
    """Show VMs, services, and for every node what is wanted beside what runs.

    Nothing is remembered: all of it is asked of libvirt, systemd and the APIs now. What does
    not answer is shown as such, and what is waited for is said. Exits with 1 when the lab is not
    up.

    What was ordered from push and runs nowhere is taken from the log of its API: push itself keeps
    no list. Copies are counted where a container has not just one.

    \b
    lab status --watch                       in a second terminal, while you break things
    lab status --json | jq .nodes
    """
    from lab.planes import status as view
    from lab.planes import survey

    lab = topology.load()
    while True:
        seen = survey.take(lab, partial(echo, err=True))
        if watch:
            click.clear()
        if as_json:
            echo_json(view.as_json(seen))
        else:
            echo(view.as_text(seen))
        if not watch:
            return
        time.sleep(_WATCH_S)
