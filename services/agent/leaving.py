"""The goodbye of a node that shuts down: its containers run elsewhere before they stop here."""

from collections.abc import Callable, Sequence

from services.agent.line import Line
from services.core import wire_nodes
from services.core.errors import ApiUnreachable, LabError

ATTEMPTS = 2


def leave(line: Line, say: Callable[[str], None], *, wait_s: float) -> None:
    """Say goodbye; return when all that this node had runs elsewhere, at the latest after wait_s.

    line: its timeout_s bounds what is added to wait_s. The first word waits for nothing, so that
    nobody who does not answer is waited for. Nothing is raised: a shutdown goes on in any case.
    """
    try:
        elsewhere, waiting = _first(line)
        if waiting:
            say(_told(elsewhere, f"waiting for {', '.join(waiting)}"))
            elsewhere, waiting = _parse(line.answer(lambda: line.leaving(wait_s)).body)
    except LabError as error:
        say(f"leaving without waiting: {error}")
    else:
        late = f"gave up waiting for {', '.join(waiting)} after {wait_s:g} s" if waiting else ""
        say(_told(elsewhere, late))


def _first(line: Line) -> tuple[Sequence[str], Sequence[str]]:
    for _ in range(ATTEMPTS - 1):
        try:
            return _parse(line.answer(lambda: line.leaving(0)).body)
        except ApiUnreachable:
            continue
    return _parse(line.answer(lambda: line.leaving(0)).body)


def _parse(body: object) -> tuple[Sequence[str], Sequence[str]]:
    return wire_nodes.load_leaving(body)


def _told(elsewhere: Sequence[str], others: str) -> str:
    told = [f"{', '.join(elsewhere)} run elsewhere"] if elsewhere else []
    told += [others] if others else []
    return f"leaving: {'; '.join(told) or 'nothing to wait for'}"
