"""Which version a program says it is; many are asked at once, none is waited for long."""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

# A first start from a cold disk takes a second; what takes longer hangs.
LIMIT_S = 5.0
_NUMBER = re.compile(r"\d+(?:\.\d+)+(?:p\d+)?")
# Where a user's PATH may not look.
_SBIN = "/usr/local/sbin:/usr/sbin:/sbin"


def ask(commands: Mapping[str, Sequence[str]], *, limit_s: float = LIMIT_S) -> dict[str, str]:
    """Return name -> version, of what each command printed; empty if it told none.

    limit_s: for each. What does not end in time, cannot be started or fails has no version.
    """
    if not commands:
        return {}
    with ThreadPoolExecutor(max_workers=len(commands)) as pool:
        answers = pool.map(lambda argv: number(_output(argv, limit_s)), commands.values())
        return dict(zip(commands, answers, strict=True))


def number(text: str) -> str:
    """Return the first version number in `text`, as "9.2p1"; empty if there is none."""
    found = _NUMBER.search(text)
    return found[0] if found else ""


def _output(argv: Sequence[str], limit_s: float) -> str:
    env = {**os.environ, "LC_ALL": "C", "PATH": path()}
    # Some print to standard error, and some call their help a failure.
    try:
        done = subprocess.run(
            list(argv),
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=limit_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def path() -> str:
    """Return PATH with the folders of system programs."""
    return f"{os.environ.get('PATH', '')}:{_SBIN}"
