"""The tasks that put the lab into one file, and take it out."""

from collections.abc import Sequence

from fabric import task
from invoke.context import Context

from lab.fab.words import JSON, flags, say


@task(  # type: ignore[untyped-decorator]
    positional=["file"],
    iterable=["chapter"],
    help={
        "file": "to write",
        "chapter": "pack this one; repeatable",
        "all-chapters": "pack every chapter",
        "no-wheels": "leave out the wheels",
        "force": "replace the file",
    },
)
def export(
    _: Context,
    file: str,
    chapter: Sequence[str] = (),
    all_chapters: bool = False,
    no_wheels: bool = False,
    force: bool = False,
) -> None:
    """Write the lab into one file: fab bundle.export plane.tar --chapter broken."""
    named = [word for name in chapter for word in ("--chapter", name)]
    chosen = flags(all_chapters=all_chapters, no_wheels=no_wheels, force=force)
    say("bundle", "export", file, *named, *chosen)


@task(  # type: ignore[untyped-decorator]
    name="show", positional=["file"], help=JSON | {"verify": "check every byte"}
)
def show_bundle(_: Context, file: str, verify: bool = False, json: bool = False) -> None:
    """Print what is in a bundle: fab bundle.show plane.tar."""
    say("bundle", "show", file, *flags(verify=verify), json=json)


@task(  # type: ignore[untyped-decorator]
    name="import", positional=["file"], help={"force": "replace chapters that are here"}
)
def import_bundle(_: Context, file: str, force: bool = False) -> None:
    """Take what is in a bundle: fab bundle.import plane.tar."""
    say("bundle", "import", file, *flags(force=force))
