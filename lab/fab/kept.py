"""The tasks that save the lab and go back."""

from fabric import task
from invoke.context import Context

from lab.fab.words import JSON, flags, say


@task(positional=[], help={"name": "under which it is kept"})  # type: ignore[untyped-decorator]
def freeze(_: Context, name: str = "frozen") -> None:
    """Save memory and disks of all VMs at one instant: fab freeze --name before."""
    say("freeze", name)


@task(  # type: ignore[untyped-decorator]
    positional=[],
    help=JSON
    | {"name": "what to bring back", "list": "print what there is", "delete": "delete it"},
)
def thaw(
    _: Context, name: str = "frozen", list: bool = False, delete: bool = False, json: bool = False
) -> None:
    """Bring back what fab freeze saved: fab thaw --name before."""
    say("thaw", name, *flags(list=list, delete=delete), json=json)


@task(  # type: ignore[untyped-decorator]
    positional=["name"],
    help={"note": "what a reader of the list should know", "force": "replace one of that name"},
)
def save(_: Context, name: str, note: str = "", force: bool = False) -> None:
    """Save the lab as a chapter: fab chapter.save broken --note 'node1 is off'."""
    say("chapter", "save", name, "--note", note, *flags(force=force))


@task(positional=["name"])  # type: ignore[untyped-decorator]
def goto(_: Context, name: str) -> None:
    """Bring the lab to a chapter: fab chapter.goto broken."""
    say("chapter", "goto", name)


@task(name="list", help=JSON)  # type: ignore[untyped-decorator]
def list_chapters(_: Context, json: bool = False) -> None:
    """List all chapters."""
    say("chapter", "list", json=json)


@task(positional=["name"])  # type: ignore[untyped-decorator]
def delete(_: Context, name: str) -> None:
    """Delete a chapter for good: fab chapter.delete broken."""
    say("chapter", "delete", name)
