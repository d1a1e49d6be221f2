"""`lab bench container`: how long a container takes from `systemctl start` to ready.

Measured inside one node by one script, so no SSH is in the figures.
"""

import json
from pathlib import Path

from lab.bench import starting
from lab.bench.stats import Summary, summary
from lab.host.speed import deadline_s
from lab.machines import remote
from provisioning.guest import tree
from provisioning.topology import Machine

# A round on KVM: three starts and three stops.
_ROUND_S = 1.0
TEMPLATE = f"/{tree.UNITS}/push-container@.service"
TITLES = {
    starting.BARE: "process, bare",
    starting.EMPTY: "process, in the sandbox of a container",
    starting.DEMO: "demo container",
}


def measure(node: Machine, runs: int) -> dict[str, Summary | None]:
    """Return title -> summary of `runs` starts on `node`, in seconds, each kind in turn.

    The node must be up; it may run containers meanwhile, none of which is touched. Both modes have
    the same template, so it does not matter which one the lab is in.
    """
    script = Path(starting.__file__).read_bytes()
    argv = ["python3", "-S", "-E", "-", str(runs), TEMPLATE]
    printed = remote.run(node, argv, timeout_s=deadline_s((runs + 3) * _ROUND_S), data=script)
    took_s = json.loads(printed)
    return {title: summary(took_s[kind]) for kind, title in TITLES.items()}
