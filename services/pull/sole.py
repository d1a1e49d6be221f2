"""One state server a database: each of two would overwrite what the other acknowledged."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.core.errors import LabError


class DataInUse(LabError):
    """A folder of data that another state server has open."""

    def __init__(self, data: Path) -> None:
        super().__init__(
            f"another state server uses {data}",
            hint=f"stop it (see who it is: fuser -v {data}) or choose another folder with --data",
        )
        self.data = data


@contextmanager
def sole_use(data: Path) -> Iterator[None]:
    """Keep other state servers out of the folder `data` for the length of the block.

    The kernel lets go of it however the process ends. Raises DataInUse.
    """
    # The folder itself, not a file in it: nobody can delete that from under a server.
    handle = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataInUse(data) from None
        yield
    finally:
        os.close(handle)
