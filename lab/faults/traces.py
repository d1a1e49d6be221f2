"""What faults leave in a machine, found by a look at it: no memory is needed, and none is asked."""

import shlex
from collections.abc import Sequence

from lab.faults.plan import PREFIX, TABLE, Command, shell
from lab.faults.state import COPY, DATA, DESIRED, MARKS, restored, untorn
from lab.faults.strike import UNDO_UNIT
from lab.faults.units import START_S
from lab.machines.units import FAKE, container_unit

# One shell for all: a login costs more than what it looks at. A line a trace: its kind, its name.
# Not from /run down: find fails when a folder that it was about to enter vanishes, and there the
# folders of containers come and go.
LOOK = f"""
exec 2>/dev/null
nft list tables | sed -n 's/^table inet {TABLE}/table {TABLE}/p'
tc qdisc show | sed -nE 's/^qdisc (netem|prio) .* dev ([a-z0-9]+) root .*/queue \\2/p'
systemctl list-units --plain --no-legend --no-pager \
  --state=active,activating,reloading,deactivating \
  '{UNDO_UNIT}*' '{PREFIX}*' '{container_unit("push", FAKE)}' | sed -nE 's/^([^ ]+) .*/unit \\1/p'
grep -lx 1 /sys/fs/cgroup/*.slice/cgroup.freeze /sys/fs/cgroup/*.slice/*/cgroup.freeze |
  sed -nE 's/.*\\/([^/]+)\\/cgroup.freeze/frozen \\1/p'
for file in /var/lib/{PREFIX}.* /run/{PREFIX}.* {DESIRED}{COPY} {DATA}/*{COPY}; do
  test ! -e $file || echo file $file
done
test ! -d {MARKS} || find {MARKS} -mindepth 2 -printf 'mark %P\\n'
"""


def look(machine: str) -> Command:
    """Return the command that prints all traces in `machine`."""
    return shell(machine, LOOK)


def listed(printed: str) -> list[tuple[str, str]]:
    """Return the traces that a look printed: (kind, name)."""
    pairs = [line.partition(" ") for line in printed.splitlines()]
    return [(kind, name) for kind, _, name in pairs if kind in _REMOVE and name]


def removal(machine: str, traces: Sequence[tuple[str, str]]) -> tuple[Command, ...]:
    """Return the commands that remove `traces` from `machine`: timers first, as they know best."""
    ordered = sorted(traces, key=lambda trace: list(_REMOVE).index(trace[0]))
    scripts = [script for kind, name in ordered for script in _REMOVE[kind](name)]
    return tuple(shell(machine, script, timeout_s=START_S) for script in dict.fromkeys(scripts))


def words(traces: Sequence[tuple[str, str]]) -> str:
    """Return `traces` in one line, each as a person would call it."""
    named = {
        "table": "the nftables table {}",
        "queue": "the delay of {}",
        "frozen": "the freeze of {}",
    }
    texts = [
        named.get(kind, "{}").format(
            container_unit(*name.split("/", 1)) if kind == "mark" else name
        )
        for kind, name in traces
    ]
    return ", ".join(dict.fromkeys(texts))


def _unit(name: str) -> list[str]:
    if not name.startswith(UNDO_UNIT):
        return [f"systemctl stop {shlex.quote(name)}"]
    # What it was made for, only earlier.
    stem = shlex.quote(name.rpartition(".")[0])
    return [f"systemctl start {stem}.service; systemctl stop {stem}.timer"]


def _file(name: str) -> list[str]:
    if name.startswith(DESIRED):
        return [restored(DESIRED + COPY)]
    if name.startswith(DATA):
        return [untorn()]
    return [f"rm -f {shlex.quote(name)}"]


def _mark(name: str) -> list[str]:
    mode, _, container = name.partition("/")
    unit = shlex.quote(container_unit(mode, container))
    return [f"systemctl stop {unit} && rm -rf {MARKS}/{shlex.quote(name)}"]


# In this order: a full disk and a partition hinder the rest.
_REMOVE = {
    "unit": _unit,
    "file": _file,
    "table": lambda name: [f"nft delete table inet {shlex.quote(name)}"],
    "queue": lambda name: [f"tc qdisc del dev {shlex.quote(name)} root"],
    "frozen": lambda name: [f"systemctl thaw {shlex.quote(name)}"],
    "mark": _mark,
}
