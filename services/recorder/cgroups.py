"""Which of the lab's units have a process now, by their cgroups; no process is started to look.

systemd makes a folder for each unit that runs, in that of its slice. The kernel's file
`cgroup.events` in it says whether a process is left. inotify reports both, at no cost in between.
"""

import os

from services.recorder import inotify
from services.recorder.inotify import Inotify

ROOT = "/sys/fs/cgroup"
# The slices that units of the lab are in: the two of containers, and that of the services.
SLICES = ("push.slice", "pull.slice", "system.slice")
_PREFIXES = ("push-", "pull-")
_FOLDERS = inotify.CREATE | inotify.DELETE | inotify.ONLYDIR


class Cgroups:
    """populated: the units of the lab that had a process at the last `refresh`.

    Names like pull-container@web.service. root: where the kernel shows its cgroups.
    """

    def __init__(self, root: str = ROOT) -> None:
        self.populated: frozenset[str] = frozenset()
        self._root = root
        self._inotify = Inotify()
        self.file = self._inotify.file
        # number of a watch -> slice, or "" for the root; and -> the folder of a unit.
        self._folders: dict[int, str] = {}
        self._units: dict[int, str] = {}
        self._running: dict[str, bool] = {}
        self._add_folder("")
        self.refresh()
        self.populated = self._now()

    def refresh(self) -> list[frozenset[str]]:
        """Take over what has happened; return each set of units that had a process since then.

        Also of a unit that ended and began again: it is missing in between.
        """
        found = []
        for number, mask, name in self._inotify.events():
            self._take_over(number, mask, name)
            populated = self._now()
            if populated != self.populated:
                found.append(populated)
                self.populated = populated
        return found

    def _now(self) -> frozenset[str]:
        return frozenset(path.rpartition("/")[2] for path, runs in self._running.items() if runs)

    def _take_over(self, number: int, mask: int, name: str) -> None:
        if mask & inotify.OVERFLOW:
            self._start_again()
        elif mask & inotify.IGNORED:
            # What it was about is gone; the number never comes back.
            self._folders.pop(number, None)
            self._units.pop(number, None)
        elif number in self._folders:
            self._folder_changed(self._folders[number], mask, name)
        elif number in self._units:
            self._look(self._units[number])

    def _folder_changed(self, folder: str, mask: int, name: str) -> None:
        path = f"{folder}/{name}" if folder else name
        if mask & inotify.DELETE:
            self._running.pop(path, None)
        elif mask & _FOLDERS:
            self._add(path)

    def _add(self, path: str) -> None:
        if path in SLICES:
            self._add_folder(path)
        elif path.partition("/")[2].startswith(_PREFIXES) and path.endswith(".service"):
            events = self._inotify.add(f"{self._root}/{path}/cgroup.events", inotify.MODIFY)
            if events is not None:
                self._units[events] = path
            # After the watch: what happens before it is seen here, what happens later by it.
            self._look(path)

    def _add_folder(self, folder: str) -> None:
        number = self._inotify.add(f"{self._root}/{folder}", _FOLDERS)
        if number is None:
            return
        self._folders[number] = folder
        for name in os.listdir(f"{self._root}/{folder}"):
            self._add(f"{folder}/{name}" if folder else name)

    def _look(self, path: str) -> None:
        try:
            with open(f"{self._root}/{path}/cgroup.events") as file:
                self._running[path] = "populated 1" in file.read()
        except OSError:
            self._running.pop(path, None)

    def _start_again(self) -> None:
        self._running.clear()
        self._add_folder("")
