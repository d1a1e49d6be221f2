"""Keep two commands that change the lab from racing."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from lab import paths, waiting
from lab.errors import LabBusy


@contextmanager
def locked(what: str, instead: Path | None = None) -> Iterator[None]:
    """Take the lab's lock for `what`, or raise LabBusy at once. instead: the file of another lock.

    The kernel releases it when the process ends, however it ends. Machine-wide with libvirt: two
    checkouts share that, the ports and the addresses. A lab of plain QEMU has its own.
    """
    # In the checkout it is made for this; elsewhere only root could.
    ours = paths.SHARED.is_dir() or paths.SHARED.is_relative_to(paths.STATE)
    folder = paths.SHARED if ours else paths.RUN
    path = instead or folder / "lock"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            owner = file.read().strip() or "just starting"
            # It wrote its name when it got the lock.
            began_s = os.fstat(file.fileno()).st_mtime
            raise LabBusy(owner, max(0.0, time.time() - began_s)) from None
        file.truncate(0)
        file.write(f"{what} (pid {os.getpid()}, from {paths.ROOT})\n")
        file.flush()
        yield


@contextmanager
def awaited(what: str, timeout_s: float) -> Iterator[None]:
    """Take the lab's lock for `what`, and wait for it while another command has it.

    Raises TookTooLong.
    """
    with ExitStack() as stack:

        def taken() -> bool:
            try:
                stack.enter_context(locked(what))
            except LabBusy:
                return False
            return True

        waiting.until(taken, "the lab's lock is free", timeout_s=timeout_s, hint="lab heal")
        yield
