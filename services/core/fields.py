"""JSON from elsewhere: decoded strictly, and its fields checked for wire.py, which names them."""

import json
from typing import Any, NoReturn

from services.core.errors import BadShape, shown
from services.core.names import check_label

Json = dict[str, Any]

EXAMPLE = """send JSON like {"name": "nginx"}"""

# No duration and no clock comes near, and an integer beyond 1e308 is no float.
_MOST_S = 1e12


def decode(raw: bytes | str) -> Any:
    """Return the JSON document in `raw`, which is UTF-8 if it is bytes.

    Raises ValueError for everything else: also for NaN and Infinity, which Python would take, for
    numbers that no float or no integer of Python can hold, and for nesting deeper than the stack.
    """
    try:
        return _DECODER.decode(raw.decode() if isinstance(raw, bytes) else raw)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if abs(value) == float("inf"):
        raise ValueError(f"{shown(text)} is too large a number")
    return value


_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)


def refusal(body: object) -> tuple[str, str]:
    """Return error and hint of an API's refusal, whatever `body` is; never raises."""
    fields = body if isinstance(body, dict) else {}
    found = [fields.get(key, "") for key in ("error", "hint")]
    error, hint = (one if isinstance(one, str) else shown(one) for one in found)
    return error, hint


def as_object(body: object) -> Json:
    """Return `body` if it is an object; BadShape otherwise, as from everything here."""
    if isinstance(body, dict):
        return body
    raise BadShape(f"expected a JSON object, got {type(body).__name__}", hint=EXAMPLE)


def objects(body: object, key: str) -> list[Json]:
    """Return the field `key` of the object `body`: a list of objects."""
    items = as_object(body).get(key)
    if isinstance(items, list):
        return [as_object(item) for item in items]
    raise BadShape(
        f"the field {key!r} must be a list of objects",
        hint=f"""send it like {{"{key}": [{{"name": "nginx"}}]}}""",
    )


def labels(fields: Json, key: str, what: str) -> list[str]:
    """Return the field `key`: a list of labels; empty without the field. what: names one."""
    items = fields.get(key, [])
    if isinstance(items, list):
        return [check_label(item, what) for item in items]
    raise BadShape(f"the field {key!r} must be a list, got {type(items).__name__}", hint=EXAMPLE)


def text(fields: Json, key: str) -> str:
    """Return the field `key`: a string."""
    value = fields.get(key)
    if isinstance(value, str):
        return value
    raise BadShape(f"the field {key!r} must be a string, got {type(value).__name__}", hint=EXAMPLE)


def count(fields: Json, key: str) -> int:
    """Return the field `key`: a whole number from 0."""
    value = fields.get(key)
    if isinstance(value, float) and value.is_integer():  # to JSON, 1.0 is one, too
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise BadShape(
        f"the field {key!r} must be a whole number from 0, got {shown(value)}",
        hint=f"send the {key} of the answer that you acted on, or 0",
    )


def seconds(fields: Json, key: str) -> float:
    """Return the field `key`: a number from 0 to 1e12."""
    value = fields.get(key)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _MOST_S:
        return float(value)
    raise BadShape(
        f"the field {key!r} must be a number of seconds from 0 to {_MOST_S:g}, got {shown(value)}",
        hint=EXAMPLE,
    )


def flag(fields: Json, key: str) -> bool | None:
    """Return the field `key`: true or false; None without the field, but null is BadShape."""
    if key not in fields:
        return None
    value = fields[key]
    if isinstance(value, bool):
        return value
    raise BadShape(
        f"the field {key!r} must be true or false, got {shown(value)}",
        hint=f"""send it like {{"{key}": true}}""",
    )


def choice(fields: Json, key: str, known: tuple[str, ...]) -> str:
    """Return the field `key`: one of `known`; the first of them without the field."""
    value = fields.get(key, known[0])
    if isinstance(value, str) and value in known:
        return value
    raise BadShape(
        f"the field {key!r} must be one of {', '.join(known)}, got {shown(value)}",
        hint=f"""send it like {{"{key}": "{known[-1]}"}}""",
    )
