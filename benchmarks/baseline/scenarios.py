"""Plain `vagrant up` and a cold `lab up`, in turn."""

from benchmarks.baseline import build, twin
from lab.bench import boot
from lab.bench.boot import Bench, Scenario
from lab.bringup import bringup
from lab.bringup.prepare import prepare
from lab.host import virsh
from lab.terminal.progress import Progress
from provisioning import topology

BASELINE, COLD = "baseline", "cold"


def clear(progress: Progress) -> None:
    """Delete what a run left, also one that was killed. Starts libvirt where it does not run."""
    lab = topology.load()
    prepare(lab, progress)
    twin.clear(lab, progress)


def _a_twin(bench: Bench) -> None:
    """Nothing is up, and the untuned box is where Vagrant would have it from an earlier time."""
    bringup.down(bench.progress)
    lab = topology.load()
    prepare(lab, bench.progress)
    twin.prepare(lab, build.build(bench.progress), bench.progress)


def _vagrant_up(_: Bench, progress: Progress) -> None:
    with progress.phase("vagrant up"):
        twin.up()
    with progress.phase("ssh"):
        twin.check(topology.load())


def _nothing(bench: Bench) -> None:
    if virsh.answers():
        twin.clear(topology.load(), bench.progress)
    bringup.down(bench.progress)


SCENARIOS = {
    BASELINE: Scenario(
        "vagrant up with the untuned box", _a_twin, _vagrant_up, ("vagrant up", "ssh")
    ),
    COLD: boot.SCENARIOS["cold"]._replace(before=_nothing),
}
