"""The tasks about the image that the machines boot from."""

from fabric import task
from invoke.context import Context

from lab.fab.words import flags, say


@task(help={"verify": "build twice from scratch, and compare"})  # type: ignore[untyped-decorator]
def build(_: Context, verify: bool = False) -> None:
    """Build the box, unless it exists already: fab box.build."""
    say("box", "build", *flags(verify=verify))


@task(name="lock")  # type: ignore[untyped-decorator]
def relock(_: Context) -> None:
    """Lock the packages that Debian's archive has today, and print what changed."""
    say("box", "lock")


@task(positional=["one", "two"])  # type: ignore[untyped-decorator]
def diff(_: Context, one: str, two: str) -> None:
    """Print what differs between two boxes, by file, folder or key: fab box.diff A B."""
    say("box", "diff", one, two)
