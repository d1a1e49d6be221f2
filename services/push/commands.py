"""What push runs on a node, as argument lists, and how to read the answers. Pure.

Each command is a constant script with its values as positional parameters: nothing is ever
pasted into shell text. Shell built-ins where they will do: starting one more program costs an
emulated guest 70 ms. Listing needs no other at all, and so nothing that could hang there.
"""

from typing import NamedTuple

from services.core.catalogue import check_image
from services.core.model import Container
from services.core.names import check_label, is_label

# A container's folder holds the file `ready` exactly while it serves (services/workload/listen.py).
_LIST = """\
cd "$1" 2>/dev/null || exit 0
for ready in */ready; do
    [ -e "$ready" ] && echo "${ready%/ready}"
done
exit 0
"""
# `timeout`, because ending an SSH command from our side leaves it running on the node.
_START = """\
unit="push-container@$3.service"
[ -e "$1/$3/ready" ] && exec echo already
[ -d "$2" ] || mkdir -p "$2" || exit
echo "LAB_IMAGE=$4" >"$2/$3.env" || exit
timeout "$5" systemctl start "$unit" && exec echo done
code=$?
if [ "$code" = 124 ]; then
    echo "not serving after $5 s; it may still come up" >&2
else
    timeout 5 journalctl --quiet --no-pager --output=cat --lines=1 "_SYSTEMD_UNIT=$unit" >&2
fi
exit "$code"
"""
# Also what does not serve yet is stopped, or it would come up later; whether there was anything
# to stop, only systemd knows.
_STOP = """\
unit="push-container@$1.service" did=done
case $(timeout 5 systemctl is-active "$unit") in
inactive | failed) did=already ;;
esac
timeout "$2" systemctl stop "$unit" && exec echo "$did"
code=$?
[ "$code" = 124 ] && echo "not gone after $2 s" >&2
exit "$code"
"""


class Places(NamedTuple):
    """Folders on a node: what containers say of themselves, and what we say to their units."""

    containers: str = "/run/push-container"
    units: str = "/run/lab/units/push"


def list_running(places: Places) -> tuple[str, ...]:
    """Return the command that prints the name of every container that serves, one a line."""
    return ("sh", "-c", _LIST, "list", places.containers)


def start(container: Container, places: Places, within_s: float) -> tuple[str, ...]:
    """Return the command that starts `container`; it prints `done`, or `already`.

    On failure its last line of standard error is the last one of the container's journal.
    Raises BadName or UnknownImage.
    """
    name = check_label(container.name, "container")
    image = check_image(container.image)
    words = (places.containers, places.units, name, image, f"{within_s:g}")
    return ("sh", "-c", _START, "start", *words)


def stop(name: str, within_s: float) -> tuple[str, ...]:
    """Return the command that stops container `name`; it prints `done`, or `already`."""
    return ("sh", "-c", _STOP, "stop", check_label(name, "container"), f"{within_s:g}")


def read_list(output: str) -> tuple[str, ...]:
    """Return the names that list_running printed, sorted; what is not a name is not ours."""
    return tuple(sorted(line for line in output.splitlines() if is_label(line)))


def read_done(output: str) -> bool:
    """Return whether start or stop did something, rather than find it done."""
    return output.strip() == "done"
