"""`--log`: which log a server writes, and whatever else would reach standard error."""

import argparse
import logging
import os
import sys
import threading
from types import TracebackType

from services.web.log import JsonLog, Level, Log, TextLog

STYLES = ("text", "json")


def add_log_option(parser: argparse.ArgumentParser) -> None:
    """Give `parser` the option --log; without it LAB_LOG counts, and without that `text`."""
    parser.add_argument(
        "--log", type=_style, default=os.environ.get("LAB_LOG", "text"), metavar="text|json",
        help="text: little, for people; json: one object a line and one line a request, on "
        "standard error (default: LAB_LOG, or text if that is not set; here %(default)s)",
    )  # fmt: skip


def _style(text: str) -> str:
    # A type, because argparse holds no default to `choices`: LAB_LOG may be anything.
    if text not in STYLES:
        raise argparse.ArgumentTypeError(f"{text!r} is not one of: {', '.join(STYLES)}")
    return text


def open_log(style: str) -> Log:
    """Return the log of `style`. With `json`, all that this process would print becomes JSON."""
    if style != "json":
        return TextLog()
    log = JsonLog()
    divert(log)
    return log


def divert(log: Log) -> None:
    """Turn tracebacks of any thread, and what libraries log, into lines of `log`."""

    def end(_type: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
        log.say("the process ends", level="error", error=error)

    def thread_end(ended: threading.ExceptHookArgs) -> None:
        name = ended.thread.name if ended.thread else ""
        log.say(f"thread {name!r} ends", level="error", error=ended.exc_value)

    sys.excepthook = end
    threading.excepthook = thread_end
    logging.captureWarnings(True)
    logging.basicConfig(handlers=[_Handler(log)], level=logging.WARNING, force=True)


class _Handler(logging.Handler):
    """What libraries log (asyncio, warnings)."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        level: Level = "error" if record.levelno >= logging.ERROR else "warning"
        self._log.say(record.getMessage(), level=level, error=error, logger=record.name)
