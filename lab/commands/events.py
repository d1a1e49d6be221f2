"""`lab events`: what happened in pull, in order."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from lab.terminal.table import echo, echo_json
from provisioning import topology
from services.core.errors import printable

if TYPE_CHECKING:
    from lab.planes.client import PullClient
    from services.core.messages import EventPage
    from services.core.model import Event

_WAIT_S = 20.0
_AGAIN_S = 1.0


@click.command()
@click.option(
    "--since", type=click.IntRange(min=0), default=0, metavar="REVISION", help="Only later ones."
)
@click.option("-f", "--follow", is_flag=True, help="Go on printing as things happen.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line.")
def events(since: int, follow: bool, as_json: bool) -> None:
    """Print what was declared, placed, started, lost and moved in pull, and why.

    Each line begins with the revision of its change. The state server keeps the newest ones.

    \b
    lab events -f                           in a second terminal, while you break things
    lab events --json | jq 'select(.subject == "nginx")'
    """
    from lab.planes import modes
    from lab.planes.client import connect

    lab = topology.load()
    pull = connect(lab)[1]
    with modes.about_pull(lab):
        page = pull.events(since)
    tell(page, as_json=as_json)
    if follow:
        for later in follow_from(pull, page.revision):
            tell(later, as_json=as_json)


def follow_from(pull: "PullClient", since: int) -> Iterator["EventPage"]:
    """Yield what happens after revision `since`, for ever, also across an outage of the API.

    Revisions never go back: it goes on where it was, whatever became of the server meanwhile.
    """
    from services.core.errors import ApiUnreachable

    silent = False
    while True:
        try:
            page = pull.events(since, wait_s=_WAIT_S)
        except ApiUnreachable as error:
            if not silent:
                echo(f"({error}; waiting for it)", err=True)
            silent = True
            time.sleep(_AGAIN_S)
            continue
        silent = False
        since = max(since, page.revision)
        yield page


def tell(page: "EventPage", *, as_json: bool) -> None:
    """Print the events of `page`, a line each."""
    if page.truncated:
        echo(f"(before revision {page.oldest}: no longer kept)", err=True)
    for event in page.events:
        if as_json:
            echo_json(event._asdict(), indent=None)
        else:
            echo(line(event))


def line(event: "Event") -> str:
    """Return `event` for people: revision, time of day in UTC, what, whom, where, why."""
    time_of_day = event.at.partition("T")[2][:12]
    where = f" on {event.node}" if event.node and event.node != event.subject else ""
    why = f": {event.reason}" if event.reason else ""
    what = f"{time_of_day}  {event.kind:<12}  {event.subject}{where}{why}"
    return printable(f"{event.revision:>7}  {what}")
