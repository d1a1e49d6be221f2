"""A file system in memory that keeps the awkward rules of real ones.

- What is written reaches the disk at a sync; before that, a power cut leaves all of it, none,
  or any part, perhaps with zeros for the rest.
- A name is made, changed or taken away for good when the directory is synced; before that, a
  power cut may keep any of these steps and lose any other.
- After a sync that failed, what it should have written is lost, though it can still be read;
  the next sync does not say so again.
- A disk fills up in the middle of a write.
"""

import errno
from itertools import combinations


class PowerCut(BaseException):
    """The machine is off; no call does anything any more."""


class Inode:
    def __init__(self, content=b""):
        self.content = content  # as programs read it
        self.durable = content
        self.states = []  # what it was since the last sync
        self.poisoned = False

    def becomes(self, content):
        self.states.append(content)
        self.content = content

    def outcomes(self, every_byte):
        """What a power cut may leave of it."""
        yield self.durable
        for before, after in zip([self.durable, *self.states[:-1]], self.states, strict=True):
            if not after.startswith(before) or after == before:
                yield after
                continue
            new = len(after) - len(before)
            for kept in range(1, new + 1) if every_byte else {1, new // 2, new - 1, new}:
                yield after[: len(before) + kept]
                if kept == new // 2:
                    yield after[: len(before) + kept] + bytes(new - kept)


class FaultyFiles:
    """fail: number of the call at which something happens, from 0; None: never.

    how: "cut" (before the call), "half" (in the middle of a write, then cut), or an errno's name;
    with an errno, `forever` says that all later calls that write fail too.
    """

    def __init__(self, image=None, *, fail=None, how="cut", forever=False):
        self.names_ = {name: Inode(content) for name, content in (image or {}).items()}
        self.on_disk = dict(self.names_)
        self.steps = []  # of the directory, not yet on disk: (name, Inode or None)
        self.doubtful = []  # the same, and no sync will put them there
        self.handles = {}
        self.calls = []
        self.written = 0
        self.off = False
        self._fail, self._how, self._forever = fail, how, forever

    # What the database calls.

    def names(self, directory):
        self._call("names")
        return set(self.names_)

    def read(self, path):
        self._call("read")
        return self._inode(path).content

    def create(self, path):
        self._call("create")
        if path.name in self.names_:
            raise OSError(errno.EEXIST, "File exists")
        inode = Inode()
        self._step([(path.name, inode)])
        handle = len(self.handles) + 100
        self.handles[handle] = inode
        return handle

    def write(self, handle, data):
        inode = self.handles[handle]
        try:
            self._call("write")
        except (OSError, PowerCut) as error:
            if isinstance(error, OSError) or self._how == "half":
                inode.becomes(inode.content + data[: len(data) // 2])
            raise
        self.written += len(data)
        inode.becomes(inode.content + data)

    def truncate(self, handle, size):
        self._call("truncate")
        inode = self.handles[handle]
        inode.becomes(inode.content[:size])

    def sync(self, handle):
        inode = self.handles[handle]
        try:
            self._call("sync")
        except OSError:
            inode.poisoned = True
            raise
        if not inode.poisoned:
            inode.durable, inode.states = inode.content, []

    def close(self, handle):
        self._call("close", writes=False)
        del self.handles[handle]
        self.handles[-handle] = None  # numbers are not used twice

    def link(self, path, second):
        self._call("link")
        self._step([(second.name, self._inode(path))])

    def replace(self, path, new):
        self._call("replace")
        self._step([(new.name, self._inode(path)), (path.name, None)])

    def remove(self, path):
        self._call("remove")
        self._inode(path)
        self._step([(path.name, None)])

    def sync_directory(self, directory):
        try:
            self._call("sync_directory")
        except OSError:
            self.doubtful += self.steps
            self.steps = []
            raise
        for step in self.steps:
            _take(self.on_disk, step)
        settled = {name for step in self.steps for name, _ in step}
        self.doubtful = [s for s in self.doubtful if not settled & {name for name, _ in s}]
        self.steps = []

    # What the tests call.

    def seen(self):
        """What programs read now: what a process that is killed leaves to the next."""
        return {name: inode.content for name, inode in self.names_.items()}

    def images(self, *, every_byte=True):
        """Each state in which a power cut now may leave the disk: name -> content."""
        steps = self.doubtful + self.steps
        for kept in (len(steps), 0):
            names = self._after(steps[:kept])
            yield from self._contents(names, every_byte)
        count = len(steps)
        subsets = [
            s for size in {1, count - 1} if size > 0 for s in combinations(range(count), size)
        ]
        for chosen in subsets:
            names = self._after([steps[number] for number in chosen])
            yield {name: inode.durable for name, inode in names.items()}
            yield {name: inode.content for name, inode in names.items()}

    def _after(self, steps):
        names = dict(self.on_disk)
        for step in steps:
            _take(names, step)
        return names

    def _contents(self, names, every_byte):
        settled = {name: inode.durable for name, inode in names.items()}
        yield settled
        yield {name: inode.content for name, inode in names.items()}
        for name, inode in names.items():
            if inode.states:
                for content in inode.outcomes(every_byte):
                    yield settled | {name: content}

    def _inode(self, path):
        if path.name not in self.names_:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(path))
        return self.names_[path.name]

    def _step(self, step):
        _take(self.names_, step)
        self.steps.append(step)

    def _call(self, name, writes=True):
        if self.off:
            raise PowerCut
        number = len(self.calls)
        self.calls.append(name)
        happens = self._fail is not None and (
            number == self._fail or (self._forever and number > self._fail)
        )
        if not happens:
            return
        if self._how in ("cut", "half"):
            self.off = True
            raise PowerCut
        if writes and name not in ("names", "read"):
            raise OSError(getattr(errno, self._how), self._how)


def _take(names, step):
    for name, inode in step:
        if inode is None:
            names.pop(name, None)
        else:
            names[name] = inode
