"""What the services log while a test runs."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from services.web.json_lines import JsonLines
from services.web.logs import REQUESTS


class Lines:
    """The log so far. text: as it was written."""

    def __init__(self) -> None:
        self._out = io.StringIO()
        self.handler = logging.StreamHandler(self._out)
        self.handler.setFormatter(JsonLines())

    @property
    def text(self) -> str:
        return self._out.getvalue()

    @property
    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@contextmanager
def json_log() -> Iterator[Lines]:
    """Log as `--log json` does, until the end of the block; yields the lines."""
    lines = Lines()
    services = logging.getLogger("services")
    level, disabled = services.level, REQUESTS.disabled
    services.addHandler(lines.handler)
    services.setLevel(logging.INFO)
    REQUESTS.disabled = False
    try:
        yield lines
    finally:
        services.removeHandler(lines.handler)
        services.setLevel(level)
        REQUESTS.disabled = disabled
