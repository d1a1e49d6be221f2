"""Faults of what is written down: a container that was never asked for, damaged files.

A damaged file has a copy beside it. Undoing puts that back unless the services have mended the
file themselves, and the copy goes.
"""

import shlex
from collections.abc import Mapping

from lab.faults.plan import (
    API,
    MODE,
    NODES,
    Command,
    Fault,
    Option,
    Plan,
    is_running,
    label,
    one_of,
    said_since,
    shell,
)
from lab.faults.units import START_S
from lab.machines.units import FAKE, container_unit
from provisioning.topology import Machine, Topology

# A mark for each stray container, in memory: gone with a reboot, as the stray is.
MARKS = "/run/lab-chaos"
COPY = ".before-fault"
DESIRED = "/var/lib/lab-agent/desired.json"
DATA = "/var/lib/lab-pull"
_API = "pull-api.service"
# What a file of services.lib.durable begins with: the checksum of the rest.
WHOLE = shlex.join(
    ["python3", "-S", "-c", "import sys, zlib\n"
     "head, _, body = open(sys.argv[1], 'rb').read().partition(b'\\n')\n"
     "sys.exit(head != b'crc32 %08x' % zlib.crc32(body))"]
)  # fmt: skip
_DAMAGE = {
    "truncated": "head -c 20 {copy} >{file}",
    # 0x7b becomes 0x5b, in the line that JSON begins with.
    "flipped": "sed '2s/{{/[/' {copy} >{file}",
    "deleted": "rm {file}",
}


def corrupt(_: Topology, node: Machine, options: Mapping[str, str]) -> Plan:
    """Start a container on `node` behind the back of every mode, at one instant."""
    modes, name = options["mode"].split(","), options["name"]
    units = [container_unit(mode, name) for mode in modes]
    marks = [f"{MARKS}/{mode}/{name}" for mode in modes]
    runs = is_running(" ".join(units))
    said = f"{said_since(marks[0])} {' '.join(f'--unit={unit}' for unit in units)} | grep Start"
    return Plan(
        act=(
            Command(node.name, ("mkdir", "-p", *marks)),
            # Not waiting: an agent may stop it before it serves, and systemctl would call that a
            # failure.
            Command(node.name, ("systemctl", "start", "--no-block", *units)),
        ),
        undo=(
            # Together: without its mark, a stray that did not stop would never be found.
            shell(node.name, f"systemctl stop {' '.join(units)} && rm -rf {' '.join(marks)}"),
        ),
        bites=(shell(node.name, said),),
        gone=(
            shell(node.name, f"! ls -d {' '.join(marks)} 2>/dev/null", f"{name} is marked there"),
        ),
        needs=(shell(node.name, f"! {runs}", f"{name!r} runs on {node.name} already"),),
    )


def cache(_: Topology, node: Machine, options: Mapping[str, str]) -> Plan:
    """Damage what the agent of `node` remembers on its disk, and let it begin again."""
    copy = DESIRED + COPY
    damage = _DAMAGE[options["how"]].format(file=DESIRED, copy=copy)
    said = f'{said_since(copy)} --unit=pull-agent.service | grep "local state: .*{DESIRED}"'
    return Plan(
        act=(
            # The time of the copy is when the fault began.
            Command(node.name, ("cp", "--preserve=mode", DESIRED, copy)),
            shell(node.name, damage),
            Command(node.name, ("systemctl", "try-restart", "--no-block", "pull-agent.service")),
        ),
        undo=(shell(node.name, restored(copy)),),
        bites=(shell(node.name, said),),
        gone=(Command(node.name, ("test", "!", "-e", copy), f"{copy} is there"),),
        needs=(
            Command(
                node.name,
                ("test", "-s", DESIRED),
                f"the agent of {node.name} remembers nothing yet",
            ),
        ),
        bites_s=45.0,
    )


def restored(copy: str) -> str:
    """Return the command of a shell that puts the agent's `copy` back, or deletes it if mended."""
    file = copy.removesuffix(COPY)
    mended = f"{{ {WHOLE} {file} && rm -f {copy} || mv -f {copy} {file}; }}"
    return f"test ! -e {copy} || {mended}; rm -f {file}.damaged"


def torn(_: Topology, machine: Machine, options: Mapping[str, str]) -> Plan:
    """Leave half a commit at the end of the state server's file, as a power cut may."""
    newest = f"file=$(ls {DATA}/state-???????? | tail -n 1)"
    copy = f"$file{COPY}"
    whole = f"{{ cp --preserve=all $file {copy} || {{ rm -f {copy}; false; }}; }}"
    tear = f"{whole} && touch {copy} && tail -n 1 $file | head -c -9 >>$file"
    said = f"copy=$(ls {DATA}/*{COPY}); {said_since('$copy')} --unit={_API} | grep REPAIRED"
    running = shell(machine.name, f"systemctl is-active --quiet {_API}", f"{_API} does not run")
    return Plan(
        act=(
            Command(machine.name, ("systemctl", "stop", _API), timeout_s=START_S),
            shell(machine.name, f"{newest}; {tear}"),
            Command(machine.name, ("systemctl", "start", _API), timeout_s=START_S),
        ),
        undo=(shell(machine.name, untorn(), timeout_s=START_S),),
        bites=(shell(machine.name, said),),
        gone=(
            running,
            shell(
                machine.name, f"! ls {DATA}/*{COPY} {DATA}/*.damaged 2>/dev/null", "a copy is left"
            ),
        ),
        needs=(running,),
        gone_s=START_S,
    )


def untorn() -> str:
    """Return the command of a shell that ends with a state server that runs, and no copies.

    One that starts has mended its file, and may have acknowledged more since.
    """
    back = f"for copy in {DATA}/*{COPY}; do test ! -s $copy || mv -f $copy ${{copy%{COPY}}}; done"
    start = f"systemctl start {_API}"
    return f"{start} || {{ {back}; {start}; }}; rm -f {DATA}/*{COPY} {DATA}/*.damaged"


FAULTS = (
    Fault(
        "corrupt",
        "Start a container by hand, behind the control plane's back.",
        NODES,
        (Option("name", FAKE, "NAME", "What the stray container is called.", label), MODE),
        corrupt,
        "Where one of that name runs on the node already, it is left alone, also by `lab heal`.",
        lasts=True,
    ),
    Fault(
        "cache",
        "Damage the agent's memory on the disk of a node.",
        NODES,
        (
            Option(
                "how", "flipped", "flipped|truncated|deleted", "What happens to the file.",
                one_of("damage", *_DAMAGE),
            ),
        ),
        cache,
        "The agent begins again, so that it looks at the file. It has a second copy in memory, and "
        "starts nothing that only an older generation names.",
    ),
    Fault(
        "state-file",
        "Leave half a commit in the state server's file, as a power cut may.",
        API,
        (),
        torn,
        "The state server stops, its file gets half a line more, and it starts. What it had "
        "acknowledged is still there.",
    ),
)  # fmt: skip
