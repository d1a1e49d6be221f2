"""The tasks about the image that the machines boot from."""

from fabric import task
from invoke.context import Context

from lab.fab.words import JSON, flags, say

BOX = {"box": "file, folder or key; that of this checkout by default"}


@task(  # type: ignore[untyped-decorator]
    help={
        "verify": "build twice from scratch, and compare",
        "renew": "lock anew what the archive no longer serves",
    }
)
def build(_: Context, verify: bool = False, renew: bool = False) -> None:
    """Build the box, unless it exists already: fab box.build."""
    say("box", "build", *flags(verify=verify, renew=renew))


@task(name="lock")  # type: ignore[untyped-decorator]
def relock(_: Context) -> None:
    """Lock the packages that Debian's archive has today, and print what changed."""
    say("box", "lock")


@task(positional=["one", "two"])  # type: ignore[untyped-decorator]
def diff(_: Context, one: str, two: str) -> None:
    """Print what differs between two boxes, by file, folder or key: fab box.diff A B."""
    say("box", "diff", one, two)


@task(positional=["box"], help=JSON | BOX)  # type: ignore[untyped-decorator]
def show(_: Context, box: str = "", json: bool = False) -> None:
    """Print size, hashes and the largest packages of a box."""
    say("box", "show", *([box] if box else []), json=json)


@task(positional=["box"], help=BOX)  # type: ignore[untyped-decorator]
def sbom(_: Context, box: str = "") -> None:
    """Print the software bill of materials of a box: fab box.sbom > sbom.cdx.json."""
    say("box", "sbom", *([box] if box else []))
