"""Log records as JSON, one object a line."""

import logging
import time
from typing import Any

from pythonjsonlogger.json import JsonFormatter


class JsonLines(JsonFormatter):
    """Every line has `time` (ISO 8601, UTC), `level` and `message`; what `extra` has are fields.

    error, traceback: of an exception. logger: names the library that logged it.
    """

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__(
            ["asctime", "levelname", "message"],
            rename_fields={"asctime": "time", "levelname": "level", "exc_info": "traceback"},
            json_default=str,
        )

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        """Fill `log_data` from `record`."""
        super().add_fields(log_data, record, message_dict)
        log_data["level"] = record.levelname.lower()
        if record.exc_info and (error := record.exc_info[1]):
            log_data["error"] = f"{type(error).__name__}: {error}"
        if not record.name.startswith("services"):
            log_data["logger"] = record.name
