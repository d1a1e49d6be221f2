"""What a check found, and how findings become one verdict. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from lab.experiment.check.traces import Amount, Known, all_of
from lab.history.record import Record
from services.core.errors import printable

EXIT_CODES = {True: 0, False: 1, None: 2}
WORDS = {True: "true", False: "false", None: "unknown"}
VERDICTS = {True: "as expected", False: "NOT as expected", None: "UNKNOWN"}
_EVIDENCE = 12


class Finding(NamedTuple):
    """Whether a check holds. amount: the seconds that `text` speaks of; evidence: records."""

    check: str
    holds: Known
    text: str
    amount: Amount | None = None
    evidence: tuple[str, ...] = ()


def composed(verdicts: Iterable[Known]) -> Known:
    """Return one verdict for several: false beats unknown beats true; of none it is unknown."""
    found = list(verdicts)
    return all_of(found) if found else None


def texts(records: Iterable[Record]) -> tuple[str, ...]:
    """Return `records` as evidence: in the order of their times, each line once, the first 12."""
    found = sorted(records, key=lambda record: record.at_s)
    lines = list(dict.fromkeys(text(record) for record in found))
    more = [f"and {len(lines) - _EVIDENCE} records more"] if len(lines) > _EVIDENCE else []
    return (*lines[:_EVIDENCE], *more)


def text(record: Record) -> str:
    """Return a record on one line: its time, with the error where it has one, and its fields."""
    error = f" ±{record.error_s:.3f}" if record.error_s else ""
    said = ", ".join(f"{key} {_short(value)}" for key, value in record.fields.items())
    return printable(f"{record.at_s:.3f} s{error}: {record.kind}: {said}")


def _short(value: object) -> str:
    words = " ".join(map(str, value)) if isinstance(value, list) else str(value)
    return words or "-" if len(words) <= 160 else f"{words[:157]}..."
