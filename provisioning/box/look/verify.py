"""Build the box twice, and compare: the proof that it is reproducible on this machine."""

import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from provisioning.box import build, cache
from provisioning.box.cache import Say
from provisioning.guest import source
from services.core.errors import LabError, printable, printable_lines

# What the second build is given that the first is not. Whatever of it ends up in the box is a bug.
_TZ = "Pacific/Chatham"
_UMASK = 0o027


def verify(say: Say) -> Iterator[str]:
    """Build the box twice from the packages' files and yield a line on each of its hashes.

    The second build has another folder, time, time zone and umask. Ends by raising
    LabError if a hash differs; else one of the two becomes the cache's box, if that has
    none. Needs root.
    """
    box, code = build.wanted(), source.archive()
    with cache.workspace() as work:
        first, second = work / "first", work / "another-folder"
        _build(first, lambda line: say(f"1st  {line}"))
        with _elsewhere():
            _build(second, lambda line: say(f"2nd  {line}"))
        if (build.wanted(), source.archive()) != (box, code):
            raise LabError(
                "this checkout was changed while the box was built twice, so nothing is compared",
                hint="once more, and leave it alone: lab box build --verify",
            )
        hashes = [build.Box("", folder / "out").hashes() for folder in (first, second)]
        yield from compared(*hashes)
        if names := differing(*hashes):
            raise _not_reproducible(names, *_kept(box.key, first, second))
        if not build.exists(box):
            build.keep(first / "out", box)


def _kept(key: str, *works: Path) -> Iterator[Path]:
    """Where the boxes made in `works` are for `lab box diff`."""
    for number, work in enumerate(works, 1):
        place = cache.folder() / f"verify-{key}-{number}"
        shutil.rmtree(place, ignore_errors=True)
        (work / "out").rename(place)
        yield place


def _not_reproducible(names: Sequence[str], first: Path, second: Path) -> LabError:
    return LabError(
        f"two builds of the same box differ in {', '.join(names)}",
        hint=f"both are kept; what differs: lab box diff {first} {second}",
    )


def differing(first: Mapping[str, str], second: Mapping[str, str]) -> list[str]:
    """Return the names whose hashes are not equal, in the first one's order."""
    names = dict.fromkeys([*first, *second])
    return [name for name in names if first.get(name) != second.get(name)]


def compared(first: Mapping[str, str], second: Mapping[str, str]) -> Iterator[str]:
    """Yield a line on each hash: that it is the same, or both."""
    names = list(dict.fromkeys([*first, *second]))
    width = max(map(len, names), default=0)
    for name in names:
        one, two = (hashes.get(name, "absent") for hashes in (first, second))
        told = f"same    sha256 {one}" if one == two else f"differs sha256 {one} and {two}"
        yield f"{name:{width}}  {told}"


def _build(work: Path, say: Say) -> None:
    work.mkdir()
    work.chmod(0o755)  # the guest's users must come through, whatever the umask
    build.make(work, work / "out", say, scratch=True)


@contextmanager
def _elsewhere() -> Iterator[None]:
    """For as long as it lasts, this process is in another place, with other habits."""
    before = os.environ.get("TZ")
    umask = os.umask(_UMASK)
    os.environ["TZ"] = _TZ
    time.tzset()
    try:
        yield
    finally:
        os.umask(umask)
        os.environ.pop("TZ")
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


def main() -> int:
    """Verify, as root, with the lines on standard output; for `lab box build --verify`."""
    try:
        for line in verify(lambda text: print(text, file=sys.stderr, flush=True)):
            print(printable(line), flush=True)
    except LabError as error:
        print(printable_lines(f"Error: {error}\nHint: {error.hint}"), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
