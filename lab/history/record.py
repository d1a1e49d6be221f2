"""The records of a history: what each kind of them has, as docs/history.md explains.

One JSON object a line. Every record says what kind it is, when it happened on the host's monotonic
clock (`at_s`, in seconds since the run began) and how wrong that may be at most (`error_s`). The
last field is a checksum of all others, so that a line that was cut off or edited is found.
"""

import json
import math
import zlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from services.core.fields import decode

VERSION = 3
# All that version 2 has, version 3 has, too.
READABLE = (2, VERSION)
# When traffic is counted: before the first orders, when they were carried out, and later.
BEFORE, CHANGED, IDLE = "before", "changed", "idle"
_DIGITS = 4

# kind -> the fields that a record of it has, beside kind, at_s and error_s.
FIELDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        kind: frozenset(fields.split())
        for kind, fields in {
            "begin": "version experiment modes profile seed run nodes api machine versions at",
            "step": "name phase",
            "came": "step mode",
            "wanted": "mode names doubtful command",
            "runs": "node mode containers",
            "units": "machine units",
            "looked": "machine until_s boot",
            "lost": "machine why from_s",
            "machine": "machine state",
            "clock": "machine offset_s",
            "claims": "mode ok containers running nodes error",
            "traffic": "mode phase bytes requests questions",
            "event": "mode type text node container",
            "rate": "every_s patience_s",
            "asked": "mode node name asked_s ok error",
            "fault": "id fault target phase command evidence",
            "human": "what command",
            "note": "text",
            "end": "why text",
        }.items()
    }
)


class DamagedLine(Exception):
    """A line that is no record. The text says why."""


class Record(NamedTuple):
    """One record. at_s: the middle of when it can have happened; error_s: half of that range.

    fields: those that FIELDS names for its kind.
    """

    kind: str
    at_s: float
    error_s: float
    fields: Mapping[str, Any]


def dump(record: Record, before: str = "") -> str:
    """Return the line, without its end, that `load` reads back.

    before: the line before it; the checksum covers its checksum, too, so that a line that was
    taken out is found. Raises KeyError for fields that the kind has not.
    """
    if record.fields.keys() != FIELDS[record.kind]:
        wrong = record.fields.keys() ^ FIELDS[record.kind]
        raise KeyError(f"a record of kind {record.kind!r}: {', '.join(sorted(wrong))}")
    at_s = round(record.at_s, _DIGITS)
    # Rounded up, and with what rounding the time did: the range must not get narrower.
    error_s = record.error_s and record.error_s + abs(at_s - record.at_s)
    times = {"at_s": at_s, "error_s": math.ceil(error_s * 10**_DIGITS) / 10**_DIGITS}
    text = json.dumps({"kind": record.kind, **times, **record.fields})
    return f'{text[:-1]}, "crc": "{_crc(text, before)}"}}'


def load(line: str, before: str = "") -> Record:
    """Return the record in `line`, which follows on the line `before`; raises DamagedLine."""
    body, mark, end = line.rpartition(', "crc": "')
    if not mark or end != f'{_crc(body + "}", before)}"}}':
        raise DamagedLine("its checksum is not that of its content and the line before")
    try:
        fields = decode(body + "}")
        kind, at_s, error_s = fields.pop("kind"), fields.pop("at_s"), fields.pop("error_s")
        if not FIELDS[kind] <= fields.keys():
            raise DamagedLine(f"{kind!r} without {', '.join(sorted(FIELDS[kind] - fields.keys()))}")
        return Record(kind, float(at_s), float(error_s), MappingProxyType(fields))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedLine(f"no record of version {VERSION}: {error}") from None


def _crc(text: str, before: str) -> str:
    return f"{zlib.crc32(before[-10:].encode() + text.encode()):08x}"
