"""`lab stage`: a page for a room, on which both control planes are alive."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

import click

from lab.terminal.params import Known
from lab.terminal.table import echo, echo_picture
from services.core.errors import LabError

# Address and port.
_Place = tuple[str, int]
LANGUAGE = Known("language", lambda: ["en", "fr"])

run_option = click.option(
    "--replay", "run", metavar="RUN", help="Play a recorded run: a folder, or an experiment's name."
)


def _place(_: click.Context, __: click.Parameter, text: str | None) -> _Place | None:
    """Return address and port of --phone, before anything is touched. Raises LabError."""
    from lab.stage.web.phone import place

    return None if text is None else place(text)


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8090,
    show_default=True,
    help="0 takes any port that is free.",
)
@run_option
@click.option("--control", is_flag=True, help="Let the page break things, too.")
@click.option("--lang", type=LANGUAGE, default="en", show_default=True, metavar="en|fr")
@click.option(
    "--phone",
    callback=_place,
    metavar="ADDRESS[:PORT]",
    help="Serve a page for a speaker's phone on this address of this computer.",
)
def stage(port: int, run: str | None, control: bool, lang: str, phone: _Place | None) -> None:
    """Show both control planes, alive, on one page for a room.

    \b
    lab stage                            then open the URL that it prints
    lab stage --control                  nodes have a menu of faults
    lab stage --replay node-failure      the latest run of that experiment, as if it were now
    lab stage --replay .lab/stage/TIME   what the stage recorded before
    lab stage --phone 192.168.1.20       a phone shows the notes of `lab demo`, and goes on

    Everything on the page comes from a history. While `lab run` plays, that is its record;
    otherwise the stage records the lab itself, into .lab/stage (3 MB an hour; five are kept).
    `lab watch` shows the same in a terminal.

    Only this computer can open the page, and only with the token in its URL. What others can open
    is the page of --phone (port 8091), with another token: it reads and goes on, and breaks
    nothing. Ctrl-C ends it. docs/stage.md explains what is shown.
    """
    from lab.stage.board import Board
    from lab.stage.control import Control, faults
    from lab.stage.opening import opened, playing
    from lab.stage.web.answers import new_token
    from lab.stage.web.server import Parts, make_app
    from lab.stage.web.serving import bind, serve

    if control and run is not None:
        raise LabError("a recorded run cannot be broken", hint="leave --control or --replay out")
    source = opened(run, echo)
    token = new_token()
    breaks = Control(perform) if control else None
    board = Board(f"{new_token()[:6]}-")
    server = bind(make_app(Parts(board, token, breaks, source.replay)), port)
    echo(f"http://localhost:{server.server_port}/?token={token}&lang={lang}")
    extra = {"control": {"faults": faults()}} if control else {}
    with server, _phone(*phone, lang) if phone else nullcontext(), playing(source, board, extra):
        serve(server)


@contextmanager
def _phone(address: str, port: int, lang: str) -> Iterator[None]:
    """Serve the phone page for the length of the block, and print how a phone gets there."""
    from lab.stage.board import Board
    from lab.stage.web.answers import new_token
    from lab.stage.web.phone import following, make_phone, picture
    from lab.stage.web.serving import bind, serving

    token, board = new_token(), Board(f"{new_token()[:6]}-")
    server = bind(make_phone(board, token, address), port, address)
    url = f"http://{address}:{server.server_port}/?token={token}&lang={lang}"
    echo_picture(picture(url))
    echo(
        f"phone: {url}\nA second speaker opens the same: it reads and goes on, and breaks nothing."
    )
    with serving(server), following(board, url):
        yield


def perform(words: Sequence[str]) -> None:
    """Run a command of the lab as if it were typed here. Raises LabError."""
    from lab.commands.chaos import chaos, heal

    echo(f"$ {' '.join(words)}")
    command = heal if words[1:] == ["heal"] else chaos
    try:
        command.main(args=list(words[2:]), prog_name=f"lab {words[1]}", standalone_mode=False)
    except click.ClickException as error:  # of what click itself checks
        raise LabError(error.format_message(), hint=f"lab {words[1]} --help") from None
