"""Save the running lab under a name: what `lab freeze` and `lab chapter save` do."""

from lab.snapshot import thaw
from lab.snapshot.freeze import freeze
from lab.snapshot.state import State
from lab.snapshot.store import Store
from lab.terminal.progress import Progress
from provisioning import topology


def save(labs: Store, name: str, note: str, progress: Progress) -> State:
    """Save the lab as `name` in `labs`; raises LabError when there is no whole lab to save."""
    thaw.check_whole()
    return freeze(topology.load(), labs, name, note, progress)
