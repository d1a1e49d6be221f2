"""What push runs on a node, as shell scripts with arguments, and how to read their output. Pure.

Each script is a constant and gets its values as positional parameters: no value is ever pasted
into shell text. The scripts use shell built-ins where they can, because starting one more program
costs an emulated guest 70 ms. One script serves several containers, for the same reason.
Each prints one line a container; what it has to say about a failure is on that line.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from services.core.catalogue import check_image
from services.core.errors import CommandFailed
from services.core.model import Container
from services.core.names import check_label, is_label

RUNNING = "running"
STARTING = "starting"
DONE = "done"
ALREADY = "already"
_FAILED = "failed"

# A unit is alive while its cgroup has processes, whatever systemd thinks of their progress.
_ALIVE = """\
alive() {
    while read -r key value; do
        [ "$key $value" = "populated 1" ] && return 0
    done <"$1/push-container@$2.service/cgroup.events"
    return 1
} 2>/dev/null
"""
# A container's folder holds the file `ready` exactly while it serves (services/workload/listen.py).
_LIST = f"""\
{_ALIVE}
cd "$2" 2>/dev/null || exit 0
for unit in push-container@*.service; do
    name=${{unit#push-container@}}
    name=${{name%.service}}
    alive . "$name" || continue
    if [ -e "$1/$name/ready" ]; then echo "{RUNNING} $name"; else echo "{STARTING} $name"; fi
done
exit 0
"""
# `timeout`, because ending an SSH command from our side leaves it running on the node. systemctl
# also gets what is ready: for that a start changes nothing, unless it is just being stopped.
_START = f"""\
{_ALIVE}
folder=$1 cgroups=$2 units=$3 limit=$4 names= jobs= were_ready= asked=0
shift 4
[ -d "$units" ] || mkdir -p "$units"
for pair; do
    name=${{pair%%:*}}
    if [ -e "$folder/$name/ready" ]; then
        were_ready="$were_ready $name "
    elif ! echo "LAB_IMAGE=${{pair#*:}}" >"$units/$name.env"; then
        echo "{_FAILED} $name 73 cannot write $units/$name.env"
        continue
    fi
    names="$names $name" jobs="$jobs push-container@$name.service"
done
[ "$names" ] || exit 0
said=$(timeout "$limit" systemctl start $jobs 2>&1)
code=$?
for name in $names; do
    if [ -e "$folder/$name/ready" ]; then
        case $were_ready in
        *" $name "*) echo "{ALREADY} $name" ;;
        *) echo "{DONE} $name" ;;
        esac
    elif alive "$cgroups" "$name"; then
        echo "{_FAILED} $name 124 not serving after $limit s; it may still come up"
    else
        # Of a few only: a slow journal must not use up the time of those that serve.
        why= asked=$((asked + 1))
        [ "$asked" -gt 2 ] || why=$(timeout 5 journalctl --quiet --no-pager --output=cat \\
            --lines=1 "_SYSTEMD_UNIT=push-container@$name.service")
        # Of several jobs, what systemctl said about this one.
        case $said in *"@$name.service "*) said_of="container $name${{said#*"@$name.service"}}" ;;
        *) said_of=${{said:-it ended at once and said nothing}} ;;
        esac
        why=${{why:-$said_of}}
        [ "$code" = 0 ] && code=1
        echo "{_FAILED} $name $code ${{why%%
*}}"
    fi
done
"""
# What does not serve yet is stopped, too, or it would come up later. Whether there was anything
# to stop, only systemd knows: a start may still be in its queue.
_STOP = f"""\
{_ALIVE}
cgroups=$1 limit=$2 jobs=
shift 2
is_gone() {{
    case $(timeout 5 systemctl is-active "push-container@$1.service") in
    inactive | failed) return 0 ;;
    esac
    return 1
}}
for name; do jobs="$jobs push-container@$name.service"; done
states=$(timeout 5 systemctl is-active $jobs)
said=$(timeout "$limit" systemctl stop $jobs 2>&1)
code=$?
for name; do
    state=${{states%%
*}}
    states=${{states#*
}}
    if alive "$cgroups" "$name"; then
        echo "{_FAILED} $name 124 not gone after $limit s"
    elif [ "$code" != 0 ] && ! is_gone "$name"; then
        echo "{_FAILED} $name $code ${{said%%
*}}"
    else
        case $state in
        inactive | failed) echo "{ALREADY} $name" ;;
        *) echo "{DONE} $name" ;;
        esac
    fi
done
"""


class Places(NamedTuple):
    """Folders on a node: the containers' own, their cgroups, and our settings for their units."""

    containers: str = "/run/push-container"
    cgroups: str = "/sys/fs/cgroup/push.slice"
    units: str = "/run/lab/units/push"


class Command(NamedTuple):
    """A shell script and its positional parameters."""

    script: str
    words: tuple[str, ...] = ()


class NodeListing(NamedTuple):
    """The containers of one node: those that serve, and those that have not come so far yet."""

    running: tuple[str, ...] = ()
    starting: tuple[str, ...] = ()


def list_containers(places: Places) -> Command:
    """Return the command that lists the containers with processes, also those started by hand."""
    return Command(_LIST, (places.containers, places.cgroups))


def start(containers: Iterable[Container], places: Places, limit_s: float) -> Command:
    """Return the command that starts `containers` together and waits until they serve.

    A container that is already starting is waited for. Raises BadName or UnknownImage.
    """
    pairs = (f"{check_label(one.name, 'container')}:{check_image(one.image)}" for one in containers)
    return Command(_START, (*places, f"{limit_s:g}", *pairs))


def stop(names: Iterable[str], places: Places, limit_s: float) -> Command:
    """Return the command that stops the containers `names` together. Raises BadName."""
    labels = (check_label(name, "container") for name in names)
    return Command(_STOP, (places.cgroups, f"{limit_s:g}", *labels))


def read_listing(output: str) -> NodeListing:
    """Return what the command of list_containers printed; a name that is no label is not ours."""
    rows = [row.partition(" ")[::2] for row in output.splitlines()]
    running, starting = (
        tuple(sorted(name for state, name in rows if state == wanted and is_label(name)))
        for wanted in (RUNNING, STARTING)
    )
    return NodeListing(running, starting)


def read_outcomes(
    output: str, node: str, verb: str, names: Sequence[str]
) -> dict[str, bool | CommandFailed]:
    """Return what a start or stop of `names` on `node` came to, from what its command printed.

    True: done. False: there was nothing to do. A name that was not printed failed, too.
    """
    rows = [row.split(" ", 3) for row in output.splitlines()]
    said = {row[1]: row for row in rows if len(row) > 1}
    return {name: _outcome(said.get(name, [_FAILED]), node, f"{verb} {name}") for name in names}


def _outcome(row: list[str], node: str, what: str) -> bool | CommandFailed:
    if row[0] in (DONE, ALREADY):
        return row[0] == DONE
    code, detail = row[2:] if len(row) == 4 else ("1", "")
    return CommandFailed(node, what, int(code), detail)
