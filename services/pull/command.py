"""The command line of the state server: options in, both realms served, an exit code out."""

import argparse
import fcntl
import logging
import os
import resource
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import gevent

from services import web
from services.core.address import Address
from services.core.errors import LabError
from services.core.lease import Terms
from services.core.profiles import FALLBACK_PROFILE, Profile, profile, stretched
from services.lib.slowness import slowness
from services.pull.api import make_admin_app
from services.pull.meters import PullMetrics
from services.pull.node_api import make_node_app
from services.pull.tokens import Tokens
from services.state import EmbeddedKeys, EtcdKeys, State
from services.state.keys import Keys
from services.state.rows import KINDS
from services.state.state import RETRY_S
from services.web.logs import add_log_option, start_logging
from services.web.server import PATIENCE, Patience, Server, end_signal, in_a_thread, serve_until

_log = logging.getLogger(__name__)

# Leases count in tenths of a second; looking more often would find nothing new.
_SOONEST_S = 0.05
# Connections of both realms, and other files. The unit allows as many; a shell may not.
_FILES = 8192


def main(arguments: Sequence[str] | None = None, *, patience: Patience = PATIENCE) -> int:
    """Serve until SIGTERM or Ctrl-C and return 0; return 1 and log why if that is not possible.

    patience: what the clients of each realm may take.
    """
    options = _parser().parse_args(arguments)
    start_logging(options.log)
    _allow_files()
    try:
        timings = stretched(profile(options.profile), slowness())
        run(options, timings, patience)
    except LabError as error:
        _log.error("%s\nhint: %s", error, error.hint)
        return 1
    return 0


def run(options: argparse.Namespace, timings: Profile, patience: Patience) -> None:
    """Serve the state in `options.data` or `options.etcd` until SIGTERM. Raises LabError."""
    if options.node_listen and not options.tokens:
        raise LabError(
            "--node-listen without --tokens: nodes could not be told apart",
            hint='give --tokens a JSON file: {"node1": ["SHA-256 of its token, in hexadecimal"]}',
        )
    with ExitStack() as stack:
        # Before the state is opened, because opening may repair it.
        admin = stack.enter_context(web.listen(*options.listen))
        nodes = options.node_listen and stack.enter_context(web.listen(*options.node_listen))
        if options.data:
            with _usable(options.data):
                options.data.mkdir(parents=True, exist_ok=True)
                stack.enter_context(_sole_use(options.data))
                keys: Keys = EmbeddedKeys(options.data, offload=in_a_thread)
        else:
            keys = EtcdKeys(options.etcd, kinds=KINDS)
        if keys.problem:
            _log.warning("REPAIRED: %s", keys.problem)
        stack.callback(keys.close)
        # A node that leaves may also wait for an exchange.
        leaving_s = timings.leaving_s + timings.agent_timeout_s
        terms = Terms(timings.lease_s, timings.stop_margin_s, leaving_s)
        state = State(keys, terms=terms)
        stack.callback(state.close)
        meters = PullMetrics(state)
        app = make_admin_app(state, meters=meters)
        places = [(admin, app)]
        if nodes:
            tokens = Tokens(options.tokens)
            places.append((nodes, make_node_app(state, tokens, meters=meters)))
        servers = [
            Server(app, listener, metrics=meters.metrics, patience=patience)
            for listener, app in places
        ]
        _serve(servers, state, meters)


@contextmanager
def _sole_use(data: Path) -> Iterator[None]:
    """Keep other state servers out of the folder `data` for the length of the block.

    Each of two would overwrite what the other one acknowledged. The kernel releases the lock
    however the process ends. Raises LabError.
    """
    # The folder itself, not a file in it, which could be deleted while the server runs.
    handle = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            hint = f"stop it (see who it is: fuser -v {data}) or choose another folder with --data"
            raise LabError(f"another state server uses {data}", hint=hint) from None
        yield
    finally:
        os.close(handle)


def _serve(servers: list[Server], state: State, meters: PullMetrics) -> None:
    ended = end_signal()
    leases = gevent.spawn(_check_leases, state, meters)
    web.announce([server.place for server in servers])
    serve_until(servers, ended, release=state.release)
    leases.kill()


def _check_leases(state: State, meters: PullMetrics) -> None:
    """Find expired leases and newly running containers, again and again."""
    while True:
        try:
            due_s = state.judge()
            meters.look()
        except Exception as error:
            # If this greenlet ended, no watch would ever report that a node is down.
            _log.error("checking leases failed: %r", error, exc_info=error)
            due_s = RETRY_S
        gevent.sleep(max(due_s, _SOONEST_S))


def _allow_files() -> None:
    """Raise the limit of open files, as far as that is allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < _FILES:
        wanted = _FILES if hard < 0 else min(_FILES, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def _usable(data: Path) -> Iterator[None]:
    """Turn the errors of the file system while `data` is opened into one that names the folder."""
    try:
        yield
    except OSError as error:
        # mkdir says "File exists" of whatever else has the name.
        other = isinstance(error, FileExistsError)
        detail = "it is not a folder" if other else error.strerror or str(error)
        raise LabError(
            f"cannot use {data} for data: {detail}",
            hint=f"check its type, owner and mode (ls -ld {data}), or choose another with --data",
        ) from None


def _addresses(text: str) -> list[Address]:
    return [web.listen_address(one.strip()) for one in text.split(",")]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m services.pull", description="State server of the pull mode."
    )
    state = parser.add_mutually_exclusive_group(required=True)
    state.add_argument(
        "--data", type=Path, metavar="FOLDER", help="the state is in this folder, by TinyDB"
    )
    state.add_argument(
        "--etcd", type=_addresses, metavar="ADDRESS:PORT,…",
        help="the state is in this etcd, of one member or more; several servers may share it",
    )  # fmt: skip
    parser.add_argument(
        "--listen", type=web.listen_address, required=True, metavar="ADDRESS:PORT",
        help="the admin realm: every request that reaches it is allowed",
    )  # fmt: skip
    parser.add_argument(
        "--node-listen", type=web.listen_address, metavar="ADDRESS:PORT",
        help="the node realm: each node reads and reports for itself, with its token",
    )  # fmt: skip
    parser.add_argument(
        "--tokens", type=Path, metavar="FILE",
        help="JSON: node -> SHA-256 digests of its tokens, read again whenever it changes",
    )  # fmt: skip
    parser.add_argument(
        "--profile", default=os.environ.get("LAB_PROFILE", FALLBACK_PROFILE), metavar="NAME",
        help="how long a node may be silent: 15 s in seed, as its own clients expect, 3 s in fast "
        "(default: LAB_PROFILE, or seed if that is not set; here %(default)s)",
    )  # fmt: skip
    add_log_option(parser)
    return parser
