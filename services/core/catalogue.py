"""The workloads that a container may run: part of the guests, so no command line travels.

Every container imports this at its start, so it imports nothing that is slow to import.
"""

from services.core.errors import UnknownImage

DEFAULT_IMAGE = "demo"
IMAGES = (DEFAULT_IMAGE, "nginx")

# Below the kernel's ephemeral ports (32768 and up), so that no client socket uses one.
_FIRST_PORT = {"push": 10_000, "pull": 20_000}
_PORTS = 10_000


def check_image(image: object) -> str:
    """Return `image` if the catalogue has it, raise UnknownImage otherwise."""
    if isinstance(image, str) and image in IMAGES:
        return image
    raise UnknownImage(image, IMAGES)


def preferred_port(mode: str, name: str) -> int:
    """Return the TCP port that container `name` of `mode` tries first: the same everywhere.

    Two names may share one; the workload then takes the next free port.
    """
    spread = 0
    for character in name:
        spread = (spread * 31 + ord(character)) % _PORTS
    return _FIRST_PORT[mode] + spread
