"""`python -m services.push`: serve the push API until SIGTERM."""

import argparse
import logging
import sys
from pathlib import Path

from services import web
from services.core.errors import LabError
from services.lib.slowness import slowness
from services.push import inventory
from services.push.api import THREADS, make_app
from services.push.fleet import Fleet
from services.push.inventory import NodeLimits
from services.push.meters import Metered, PushMetrics
from services.push.push import Push
from services.web.logs import add_log_option, start_logging
from services.web.metrics import Metrics
from services.web.server import Patience, Server, end_signal, serve_until

# systemd allows a service 1024 open files, and SSH needs some.
PATIENCE = Patience(connections=900)

_log = logging.getLogger("services.push")


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM and return 0; return 1 and log why if that is not possible."""
    options = _parser().parse_args(arguments)
    start_logging(options.log)
    try:
        fleet, server = _assemble(options)
    except LabError as error:
        _log.error("%s\nhint: %s", error, error.hint)
        return 1
    ended = end_signal()
    fleet.warm_up()
    web.announce([server.place])
    serve_until([server], ended)
    return 0


def _assemble(options: argparse.Namespace) -> tuple[Fleet, Server]:
    """Return the fleet of the inventory and the server over it, not yet running."""
    known = inventory.load(options.inventory)
    limits = NodeLimits(options.connect_timeout_s, options.command_timeout_s)
    metrics = Metrics("push")
    meters = PushMetrics(metrics.registry)
    fleet = Fleet(known, limits, timed=meters.ssh)
    app = make_app(
        Push(Metered(fleet, meters)),
        metrics=metrics,
        check=lambda: inventory.check_secrets(options.inventory, known),
    )
    listener = web.listen(*options.listen)
    return fleet, Server(app, listener, threads=THREADS, metrics=metrics, patience=PATIENCE)


def _parser() -> argparse.ArgumentParser:
    default = NodeLimits().stretched(slowness())
    parser = argparse.ArgumentParser(
        prog="python -m services.push", description="Start containers on nodes over SSH."
    )
    parser.add_argument("--inventory", type=Path, required=True, help="JSON file of nodes and keys")
    parser.add_argument(
        "--listen", type=web.listen_address, required=True, metavar="ADDRESS:PORT",
        help="where to serve HTTP",
    )  # fmt: skip
    parser.add_argument(
        "--connect-timeout", type=_seconds, default=default.connect_s, metavar="SECONDS",
        dest="connect_timeout_s", help="silence that makes a node unreachable (%(default)g)",
    )  # fmt: skip
    parser.add_argument(
        "--command-timeout", type=_seconds, default=default.command_s, metavar="SECONDS",
        dest="command_timeout_s", help="limit of one start or stop (%(default)g)",
    )  # fmt: skip
    add_log_option(parser)
    return parser


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value


if __name__ == "__main__":
    sys.exit(main())
