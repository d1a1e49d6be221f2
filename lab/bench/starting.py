"""Runs inside a guest, from standard input: time `systemctl start` until the unit is ready.

    python3 - RUNS TEMPLATE [SYSTEMCTL [FOLDER]]

Makes a unit of each KIND, the sandboxed ones from the installed template of containers, starts
them in turn, and prints JSON: kind -> the seconds of each run. A round before the first one warms
the caches and is not counted. Removes its units, also when it fails.
"""

import json
import os
import sys
import time
from pathlib import Path

BARE, EMPTY, DEMO = "bare", "empty", "demo"
KINDS = (BARE, EMPTY, DEMO)
# Relations to a mode: a measurement is no container of one, so no mode lists or stops it.
_RELATIONS = ("PartOf=", "Requisite=", "After=", "Before=", "Slice=", "EnvironmentFile=")
# Ready when the program has ended, and active until it is stopped.
_PROGRAM = "Type=oneshot\nRemainAfterExit=yes\nExecStart=/usr/bin/true\n"


def unit(kind: str) -> str:
    """Return the name of the unit of `kind`."""
    return f"lab-bench-{kind}.service"


def texts(template: str) -> dict[str, str]:
    """Return kind -> the text of its unit. template: the installed unit of containers."""
    lines = [line for line in template.splitlines() if not line.startswith(_RELATIONS)]
    sandbox = [line for line in lines if not line.startswith(("Type=", "ExecStart="))]
    return {
        BARE: f"[Service]\n{_PROGRAM}",
        EMPTY: _named(sandbox, EMPTY) + f"[Service]\n{_PROGRAM}",
        DEMO: _named(lines, DEMO),
    }


def _named(lines: list[str], kind: str) -> str:
    # Push lists what is in its own folder below /run.
    text = "\n".join(lines).replace("RuntimeDirectory=push-container/", "RuntimeDirectory=")
    return text.replace("%i", f"lab-bench-{kind}") + "\n"


def measure(runs: int, template: Path, systemctl: str, folder: Path) -> dict[str, list[float]]:
    """Return kind -> the seconds that each of `runs` starts took, systemctl itself included."""
    wanted = texts(template.read_text())
    took_s: dict[str, list[float]] = {kind: [] for kind in KINDS}
    try:
        for kind, text in wanted.items():
            (folder / unit(kind)).write_text(text)
        _run(systemctl, "daemon-reload")
        for _ in range(runs + 1):
            for kind in KINDS:
                began_s = time.monotonic()
                _run(systemctl, "start", unit(kind))
                took_s[kind].append(time.monotonic() - began_s)
                _run(systemctl, "stop", unit(kind))
    finally:
        _remove(systemctl, folder)
    return {kind: values[1:] for kind, values in took_s.items()}


def _remove(systemctl: str, folder: Path) -> None:
    there = [kind for kind in KINDS if (folder / unit(kind)).exists()]
    # In one go, and not with _run: the files go also where a unit cannot be stopped.
    os.waitpid(_spawn(systemctl, "stop", *map(unit, there)), 0)
    for kind in there:
        (folder / unit(kind)).unlink()
    _run(systemctl, "daemon-reload")


def _run(systemctl: str, *words: str) -> None:
    code = os.waitstatus_to_exitcode(os.waitpid(_spawn(systemctl, *words), 0)[1])
    if code:
        sys.exit(f"{systemctl} {' '.join(words)}: exit code {code}")


def _spawn(systemctl: str, *words: str) -> int:
    """Not `subprocess`: its start of a process would be part of every figure."""
    return os.posix_spawn(systemctl, [systemctl, *words], {"PATH": "/usr/bin:/bin"})


if __name__ == "__main__":
    count, path, *places = sys.argv[1:]
    program, directory = [*places, "/usr/bin/systemctl", "/run/systemd/system"][:2]
    print(json.dumps(measure(int(count), Path(path), program, Path(directory))))
