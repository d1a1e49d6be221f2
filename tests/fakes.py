"""Stand-ins for systemd that keep its awkward rules, shared by the tests of the pull mode."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from services.core.model import DEFAULT_IMAGE, Act, Task, UnitState

_SYSTEMCTL = """\
#!/bin/sh
# systemctl of a fake node: its root is baked in, its rules are FakeSystemd's.
root='{root}'
echo "$*" >> "$root/calls"
verb=$1; shift
[ "$1" = --no-block ] && shift
[ -e "$root/refuse" ] && {{ echo 'Failed to connect to bus' >&2; exit 1; }}
[ -e "$root/queues" ] && {{ for unit in "$@"; do echo "$verb $unit"; done >> "$root/queue"; exit; }}
for unit in "$@"; do
    name=${{unit#pull-container@}}; name=${{name%.service}}
    cgroup="$root/sys/fs/cgroup/pull.slice/$unit"
    if [ "$verb" = start ]; then
        [ -e "$root/failing/$name" ] && continue
        mkdir -p "$cgroup" "$root/run/pull-container/$name"
        echo "populated 1" > "$cgroup/cgroup.events"
        [ -e "$root/slow/$name" ] || : > "$root/run/pull-container/$name/ready"
    else
        rm -rf "$cgroup" "$root/run/pull-container/$name"
    fi
done
"""


class FakeSystemd:
    """The containers of one node, as services.agent.systemd.Systemd sees and changes them.

    What the real one does, and a dictionary would not:
    - `start` of a unit that is active does nothing, whatever its environment file says now;
    - a unit that starts has processes, and is ready only later (see `settle`), one of `slow`
      much later;
    - a start succeeds once it is queued, also that of a unit of `failing`, which then ends at once;
    - a unit that crashed has no processes, so nobody sees it, and `start` brings it back;
    - a unit reads its environment file when it starts, and only then;
    """

    def __init__(self, running: dict[str, UnitState] | None = None) -> None:
        self._running = dict(running or {})
        self._files = {name: state.image for name, state in self._running.items()}
        self.performed: list[Task] = []
        self.refuses: Exception | None = None
        self.failing: set[str] = set()
        self.slow: set[str] = set()

    def observed(self) -> dict[str, UnitState]:
        return dict(self._running)

    def perform(self, tasks: Sequence[Task]) -> None:
        if self.refuses:
            raise self.refuses
        for task in tasks:
            self.performed.append(task)
            self._do(task)

    def _do(self, task: Task) -> None:
        if task.act is Act.STOP:
            self._running.pop(task.container.name, None)
            self._files.pop(task.container.name, None)
        else:
            self._files[task.container.name] = task.container.image
            self.start(task.container.name)

    def start(self, name: str) -> None:
        """`systemctl start`, by the agent or by a hand."""
        if name not in self.failing:
            self._running.setdefault(name, UnitState(self._files.get(name, DEFAULT_IMAGE), False))

    def crash(self, name: str) -> None:
        """The container dies by itself; its environment file stays."""
        del self._running[name]

    def settle(self) -> None:
        """Let every container that was started get ready, but for those of `slow`."""
        for name in self._running.keys() - self.slow:
            self._running[name] = self._running[name]._replace(ready=True)

    def reboot(self) -> None:
        """Nothing of a container survives: /run is in memory, and no unit is enabled."""
        self._running.clear()
        self._files.clear()


class FakeNode:
    """A folder that looks like a node's /sys and /run, and a `systemctl` that changes it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.systemctl = root / "systemctl"
        self.systemctl.write_text(_SYSTEMCTL.format(root=root))
        self.systemctl.chmod(0o755)

    def cgroup(self, name: str) -> Path:
        return self.root / f"sys/fs/cgroup/pull.slice/pull-container@{name}.service"

    def env(self, name: str) -> Path:
        return self.root / f"run/lab/units/pull/{name}.env"

    def runs(self, name: str) -> bool:
        """Whether the container has processes."""
        events = self.cgroup(name) / "cgroup.events"
        return events.exists() and "populated 1" in events.read_text()

    def start_by_hand(self, name: str) -> None:
        subprocess.run([self.systemctl, "start", _unit(name)], check=True)

    def refuse(self) -> None:
        """From now on systemctl says no."""
        (self.root / "refuse").touch()

    def mark(self, what: str, name: str) -> None:
        """what: `failing` or `slow`, as in FakeSystemd."""
        (self.root / what).mkdir(exist_ok=True)
        (self.root / what / name).touch()

    def queues(self) -> None:
        """From now on a job is only queued, until `work`."""
        (self.root / "queues").touch()

    def work(self) -> None:
        """Do what is queued; of two jobs of a unit the later one counts."""
        (self.root / "queues").unlink()
        lines = (self.root / "queue").read_text().splitlines()
        for unit, verb in {line.split()[1]: line.split()[0] for line in lines}.items():
            subprocess.run([self.systemctl, verb, unit], check=True)

    def get_ready(self, name: str) -> None:
        """A container that was started serves now."""
        (self.root / f"run/pull-container/{name}/ready").touch()

    def crash(self, name: str) -> None:
        """The container dies by itself; its environment file stays."""
        (self.cgroup(name) / "cgroup.events").write_text("populated 0\n")
        (self.root / f"run/pull-container/{name}/ready").unlink(missing_ok=True)

    def calls(self) -> list[str]:
        """Every command line that systemctl got."""
        file = self.root / "calls"
        return file.read_text().splitlines() if file.exists() else []


def _unit(name: str) -> str:
    return f"pull-container@{name}.service"
