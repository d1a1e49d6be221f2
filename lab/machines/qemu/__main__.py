"""Do one thing to one machine of plain QEMU, as virsh does to one of libvirt's.

    python -m lab.machines.qemu start|halt|cut|pause|resume NAME
    python -m lab.machines.qemu is-off|is-paused NAME

The latter end with 0 where that is so.
"""

import sys
from collections.abc import Callable

from lab import paths
from lab.machines.provider import Verb
from lab.machines.qemu import machines, processes, qmp, words
from lab.terminal.table import echo
from provisioning import topology as topology_file
from services.core.errors import LabError


def main(arguments: list[str]) -> int:
    """Obey; return the exit code."""
    if len(arguments) != 2 or arguments[0] not in (*_DO, "is-off", "is-paused"):
        echo(str(__doc__), err=True)
        return 2
    verb, name = arguments
    topology = topology_file.load()
    try:
        topology.machine(name)
        if verb.startswith("is-"):
            return 0 if f"is-{machines.states(topology, timeout_s=10)[name]}" == verb else 1
        _DO[verb](name)
    except (LabError, ConnectionError) as error:
        echo(f"{name}: {error}", err=True)
        return 1
    return 0


def _say(order: str) -> Callable[[str], object]:
    return lambda name: qmp.ask(words.door(paths.RUN, name), order)


_DO: dict[str, Callable[[str], object]] = {
    Verb.START.value: lambda name: machines.start(topology_file.load(), name),
    Verb.HALT.value: _say("system_powerdown"),
    Verb.CUT.value: processes.end,
    Verb.PAUSE.value: _say("stop"),
    Verb.RESUME.value: _say("cont"),
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
