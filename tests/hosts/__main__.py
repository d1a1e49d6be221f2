"""The lab on a fresh Debian 13 with systemd and a user with sudo, whom sudo asks for no password.

    python -m tests.hosts [--short] [--folder FOLDER]

As root; `make test-hosts` runs it. It plays what the README promises, prints each step, and ends
with 1 at the first that fails. It leaves nothing behind: FOLDER (default: a temporary one) needs
6 GiB for a while.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from provisioning.box import build, cache, manifest
from provisioning.box.look.compare import differences
from provisioning.box.manifest import Manifest
from services.core.errors import LabError
from tests.hosts.container import USER, Container, container, missing

# On a busy host a node may miss push's limit, which is an error 502; here it is no failure.
_POST = "curl -sS --fail --retry 9 -X POST"
_PUSH = f"{_POST} localhost:8080/container/start"
_PULL = f"{_POST} localhost:8081/api/containers"
_RUNS = "{} -H 'Content-Type: application/json' -d '{{\"name\": \"nginx\"}}'"
_AWAIT = "timeout 300 sh -c 'until curl -sS localhost:{} | grep -q nginx; do sleep 1; done'"
# Beside the lab's own ports and those of the host's name server nothing listens for the world.
_OPEN = "ss -Htln | awk '{print $4}' | grep -vE '^(127|10\\.77\\.|\\[::1\\])' || :"


def setup(host: Container) -> None:
    """`make setup` in the user's first login; nothing in their home is root's afterwards."""
    host.connect()
    host.do("make setup")
    nothing(host.do("find ~ ! -user $(id -un)"), "files of others in the user's home")


def box(host: Container) -> None:
    """The box that was built there has the bytes of the one that this computer builds."""
    with cache.workspace() as work:
        # Made now: the one in the cache may have older code of services/.
        build.make(work, work / "out", print)
        ours = manifest.read(work / "out")
    theirs = Manifest(**json.loads(host.do(".venv/bin/lab box show --json")))
    nothing("\n".join(differences(ours, theirs)), "differences between the two boxes")


def servers(host: Container) -> None:
    """What the tests need is installed, and does not serve."""
    host.do(".venv/bin/python -m provisioning.host.servers")
    nothing(host.do(_OPEN), "ports that are open to the world")
    host.disconnect()


def demo(host: Container) -> None:
    """`make demo` without a way to the internet."""
    print(host.do("make demo"), flush=True)


def up(host: Container) -> None:
    """`lab up` and a container in each mode, without a way to the internet."""
    host.disconnect()
    host.do(".venv/bin/lab up both")
    containers(host)


def containers(host: Container) -> None:
    """A container in each mode, as in the README."""
    host.do(f"{_RUNS.format(_PUSH)} && {_AWAIT.format('8080/containers')}")
    host.do(f"{_RUNS.format(_PULL)} && {_AWAIT.format('8081/api/containers')}")


def freeze(host: Container) -> None:
    """A lab with a container in each mode is saved; it goes on."""
    containers(host)
    host.do(".venv/bin/lab freeze tested && .venv/bin/lab status")


def reboot(host: Container) -> None:
    """The computer reboots while the lab is up; nothing that was installed serves."""
    host.shut_down()
    host.boot()
    nothing(host.do(_OPEN), "ports that are open to the world")


def thaw(host: Container) -> None:
    """The saved lab comes back, with its containers."""
    host.do(".venv/bin/lab thaw tested && .venv/bin/lab status")
    host.do(f"{_AWAIT.format('8080/containers')} && {_AWAIT.format('8081/api/containers')}")


def down(host: Container) -> None:
    """`lab down` leaves no machine and no network."""
    host.do(".venv/bin/lab down")
    nothing(host.do("virsh -c qemu:///system list --all --name"), "machines")
    nothing(host.do("virsh -c qemu:///system net-list --all --name | grep pushpull || :"), "nets")
    nothing(host.do("find ~ ! -user $(id -un)"), "files of others in the user's home")


SHORT = (setup, box, up, down)
FULL = (setup, box, servers, demo, freeze, thaw, reboot, thaw, down)


def nothing(found: str, what: str) -> None:
    """Raise LabError if `found` is not empty."""
    if found.strip():
        raise LabError(f"there are {what}:\n{found.strip()}")


def play(folder: Path, steps: tuple[Callable[[Container], None], ...]) -> None:
    """Build the host in `folder` and play `steps` in it; raises what a step raises."""
    began_s = time.monotonic()

    def say(text: str) -> None:
        print(f"== {time.monotonic() - began_s:6.0f} s  {text}", flush=True)

    with container(folder) as host:
        say(f"Debian 13 with systemd, user {USER}")
        host.build()
        host.boot()
        for number, step in enumerate(steps, 1):
            say(f"{number}/{len(steps)} {step.__name__}: {(step.__doc__ or '').splitlines()[0]}")
            step(host)
        say("all as promised")


def main(arguments: list[str]) -> int:
    """Return the exit code: 0 if all went as promised, 1 if not, 2 if this machine lacks a tool."""
    parser = argparse.ArgumentParser(prog="python -m tests.hosts")
    parser.add_argument("--short", action="store_true", help="setup, up, two containers, down")
    parser.add_argument("--folder", type=Path, help="where the host's root file system goes")
    options = parser.parse_args(arguments)
    if os.geteuid() != 0:
        print("Error: a host in a container needs root\nHint: sudo make test-hosts")
        return 2
    if packages := missing():
        install = f"apt-get install --no-install-recommends {' '.join(packages)}"
        print(f"Error: missing: {', '.join(packages)}\nHint: {install}")
        return 2
    # The default would leave the container running.
    for ended in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ended, lambda *_: sys.exit(1))
    try:
        with tempfile.TemporaryDirectory(prefix="lab-host-", dir=options.folder) as folder:
            play(Path(folder), SHORT if options.short else FULL)
    except LabError as error:
        print(f"Error: {error}\n{f'Hint: {error.hint}' if error.hint else ''}", flush=True)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
