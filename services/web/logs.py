"""The log of a server: `--log`, and where the messages of `logging` go.

Everything goes to standard error, which is systemd's journal. Every module logs through its own
`logging.getLogger(...)`; this module decides how that looks.
"""

import argparse
import logging
import os
import sys
import threading
from types import TracebackType
from typing import TextIO

from services.core.errors import printable_lines

STYLES = ("text", "json")

# One record a request, with the facts of the request as `extra`. Only JSON prints them: two lines
# a second for each node would bury everything else.
REQUESTS = logging.getLogger("services.requests")
REQUESTS.disabled = True
_SERVICES = logging.getLogger("services")


def add_log_option(parser: argparse.ArgumentParser) -> None:
    """Add --log to `parser`. Its default is LAB_LOG, or `text` if LAB_LOG is not set."""
    parser.add_argument(
        "--log", type=_style, default=os.environ.get("LAB_LOG", "text"), metavar="text|json",
        help="text: a few lines for people; json: one object a line and one line a request, on "
        "standard error (default: LAB_LOG, or text if that is not set; here %(default)s)",
    )  # fmt: skip


def _style(text: str) -> str:
    # A type, because argparse does not check a default against `choices`, and LAB_LOG is one.
    if text not in STYLES:
        raise argparse.ArgumentTypeError(f"{text!r} is not one of: {', '.join(STYLES)}")
    return text


def start_logging(style: str, stream: TextIO | None = None) -> None:
    """Log in `style` to `stream`, by default standard error.

    text: what the services report, and warnings of libraries. json: also every request, warnings
    of Python, and the traceback of the process or of any thread.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Text())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    _SERVICES.setLevel(logging.INFO)
    REQUESTS.disabled = style != "json"
    if style == "json":
        # 14 ms on a laptop core and ten times that under emulation: only where it is used.
        from services.web.json_lines import JsonLines

        handler.setFormatter(JsonLines())
        logging.captureWarnings(True)
        sys.excepthook = _process_ends
        threading.excepthook = _thread_ends


class _Text(logging.Formatter):
    """Escapes what a terminal would obey. Line feeds stay: of a hint, or of a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        return printable_lines(super().format(record))


def _process_ends(
    _kind: type[BaseException], error: BaseException, _trace: TracebackType | None
) -> None:
    _SERVICES.error("the process ends", exc_info=error)


def _thread_ends(ended: threading.ExceptHookArgs) -> None:
    name = ended.thread.name if ended.thread else ""
    _SERVICES.error("thread %r ends", name, exc_info=ended.exc_value)
