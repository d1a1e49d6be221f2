"""The tasks about pull's nodes and what happened to them."""

from fabric import task
from invoke.context import Context

from lab.fab.words import flags, say


@task(  # type: ignore[untyped-decorator]
    positional=[],
    help={
        "since": "only what came after this revision",
        "follow": "go on printing as things happen",
        "json": "print a JSON object a line",
    },
)
def events(_: Context, since: int = 0, follow: bool = False, json: bool = False) -> None:
    """Show what happened in pull, in order, and why."""
    say("events", "--since", str(since), *flags(follow=follow), json=json)


@task(positional=["node"])  # type: ignore[untyped-decorator]
def cordon(_: Context, node: str) -> None:
    """Keep new containers off a node: fab cordon node1."""
    say("cordon", node)


@task(positional=["node"])  # type: ignore[untyped-decorator]
def uncordon(_: Context, node: str) -> None:
    """Let a node take containers again: fab uncordon node1."""
    say("uncordon", node)


@task(positional=["node"], help={"timeout": "seconds to wait"})  # type: ignore[untyped-decorator]
def drain(_: Context, node: str, timeout: float = 120.0) -> None:
    """Move everything off a node, and wait until it is empty: fab drain node1."""
    say("drain", node, "--timeout", f"{timeout:g}")


@task(help={"node": "only this one's"})  # type: ignore[untyped-decorator]
def rotate(_: Context, node: str = "") -> None:
    """Replace the nodes' tokens while everything goes on: fab token.rotate."""
    say("token", "rotate", *([node] if node else []))
