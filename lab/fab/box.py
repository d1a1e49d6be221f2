"""The tasks about the image that the machines boot from."""

from fabric import task
from invoke.context import Context

from lab.fab.words import say


@task  # type: ignore[untyped-decorator]
def build(_: Context) -> None:
    """Build the box, unless it exists already: fab box.build."""
    say("box", "build")


@task(name="lock")  # type: ignore[untyped-decorator]
def relock(_: Context) -> None:
    """Lock the packages that Debian's archive has today, and print what changed."""
    say("box", "lock")
