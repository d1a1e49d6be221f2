"""The tasks that break it."""

from fabric import task
from invoke.context import Context

from lab.fab.words import MODE, flags, say


@task(positional=["node"], help={"orderly": "shut down instead"})  # type: ignore[untyped-decorator]
def halt(_: Context, node: str, orderly: bool = False) -> None:
    """Pull the plug of a node: fab chaos.halt node1."""
    say("chaos", "halt", node, *flags(orderly=orderly))


@task(positional=["node"])  # type: ignore[untyped-decorator]
def start(_: Context, node: str) -> None:
    """Boot a node again: fab chaos.start node1."""
    say("chaos", "start", node)


@task(help=MODE)  # type: ignore[untyped-decorator]
def stop_api(_: Context, mode: str = "both") -> None:
    """Stop the API service."""
    say("chaos", "stop-api", "--mode", mode)


@task(help=MODE)  # type: ignore[untyped-decorator]
def start_api(_: Context, mode: str = "both") -> None:
    """Start the API service again."""
    say("chaos", "start-api", "--mode", mode)


@task(  # type: ignore[untyped-decorator]
    positional=["node"], help=MODE | {"name": "what the stray container is called"}
)
def corrupt(_: Context, node: str, name: str = "fake", mode: str = "both") -> None:
    """Start a container on a node by hand: fab chaos.corrupt node1."""
    say("chaos", "corrupt", node, "--name", name, "--mode", mode)
