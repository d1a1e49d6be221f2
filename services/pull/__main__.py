"""`python -m services.pull --data DIR --listen 127.0.0.1:PORT`: run the state server.

[--node-listen ADDRESS:PORT]  the node realm, for agents on the lab's network
[--profile NAME]              timing profile; by default LAB_PROFILE, and `seed` without that
"""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

from services.core.address import Address
from services.core.errors import LabError
from services.core.profile import UNTOLD_PROFILE, Profile, profile, stretched
from services.pull.api import make_admin_app, make_node_app
from services.pull.sole import sole_use
from services.slowness import slowness
from services.store import Store
from services.web import listen, listen_address
from services.web.threaded import ready, serve


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C and return 0; return 1 and say why if that cannot be."""
    options = _parse(arguments)
    try:
        timings = stretched(profile(options.profile), slowness())
        run(options.data, options.listen, options.node_listen, timings)
    except LabError as error:
        print(f"{error}\nhint: {error.hint}", file=sys.stderr)
        return 1
    return 0


def run(data: Path, admin_at: Address, node_at: Address | None, timings: Profile) -> None:
    """Serve the store in `data` until SIGTERM. Raises LabError."""
    _make(data)
    with ExitStack() as held:
        # Before the store is opened, for that may repair it.
        admin = held.enter_context(listen(*admin_at))
        node = held.enter_context(listen(*node_at)) if node_at else None
        held.enter_context(sole_use(data))
        store = Store(data, lease_s=timings.lease_s)
        if store.problem:
            print(f"REPAIRED: {store.problem}", file=sys.stderr)
        # One loop for both, so that one signal ends both.
        loop: dict[int, object] = {}
        servers = [serve(make_admin_app(store), admin, loop=loop)]
        if node:
            servers.append(serve(make_node_app(store), node, loop=loop))
        signal.signal(signal.SIGTERM, _end)
        ready(servers)
        servers[0].run()  # returns on SystemExit; every change that was answered is on disk


def _end(*_: object) -> NoReturn:
    sys.exit(0)


def _make(data: Path) -> None:
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LabError(
            f"cannot use {data} for data: {error.strerror}", hint="choose another with --data"
        ) from None


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="services.pull", description="State server of the pull mode."
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the database")
    parser.add_argument(
        "--listen",
        type=listen_address,
        required=True,
        metavar="ADDRESS:PORT",
        help="the admin realm",
    )
    parser.add_argument(
        "--node-listen", type=listen_address, metavar="ADDRESS:PORT", help="the node realm"
    )
    parser.add_argument(
        "--profile",
        default=os.environ.get("LAB_PROFILE", UNTOLD_PROFILE),
        metavar="NAME",
        help="how long a node may be silent: 15 s in seed, as its own clients expect, 3 s in fast "
        "(default: LAB_PROFILE, or seed if that is not set; here %(default)s)",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
