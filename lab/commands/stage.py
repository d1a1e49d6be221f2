"""`lab stage`: a page for a room, on which both control planes are alive."""

import threading

import click

from lab.terminal.table import echo


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8090, show_default=True, help="0: any."
)
@click.option("--replay", "run", metavar="RUN", help="Play a recorded run: a folder, or its name.")
@click.option("--control", is_flag=True, help="Let the page break things, too.")
@click.option(
    "--lang",
    type=click.Choice(["en", "fr"]),
    default="en",
    show_default=True,
    help="Language of the page.",
)
def stage(port: int, run: str | None, control: bool, lang: str) -> None:
    """Show a room what both control planes do."""
    from lab.report import runs
    from lab.stage.board import Board
    from lab.stage.player import Player
    from lab.stage.server import Parts, make_app, new_token
    from lab.stage.serving import bind
    from lab.stage.source import Replay

    token = new_token()
    board = Board(token[:4])
    replay = Replay(runs.histories(runs.find(run or ""))[0])
    server = bind(make_app(Parts(board, token, None, replay)), port)
    over = threading.Event()
    threading.Thread(
        target=Player(board, lambda: replay, {}).run, args=(over,), daemon=True
    ).start()
    echo(f"http://localhost:{server.server_port}/?token={token}&lang={lang}")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        board.close()
        over.set()
        server.server_close()
