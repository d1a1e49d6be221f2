"""Faults of the lab's own network, inside the machine that they hurt.

Never of the management network: by that `lab` looks, undoes, and gets in.
"""

import re
from collections.abc import Mapping, Sequence

from lab.faults.plan import (
    DELAYED,
    DEVICE,
    MACHINES,
    MILLISECONDS,
    NODES,
    PERCENT,
    PREFIX,
    TABLE,
    THERE,
    Command,
    Fault,
    Option,
    Plan,
    background,
    delete_table,
    matching,
    no_table,
    one_of,
    shell,
)
from provisioning.topology import Machine, Topology
from services.core.errors import LabError

_EACH_WAY = {
    "in": f"chain incoming {{ type filter hook input priority 0; iifname {DEVICE} %s counter drop; "
    "}; ",
    "out": f"chain outgoing {{ type filter hook output priority 0; oifname {DEVICE} %s counter "
    "drop; }; ",
}
# Big enough that a slow line shows in how long one echo takes: four times 1,500 bytes and more.
_PING_BYTES = 20_000
_BITS = {"kbit": 1e3, "mbit": 1e6, "gbit": 1e9}


def partition(lab: Topology, machine: Machine, options: Mapping[str, str]) -> Plan:
    """Drop what `machine` and others say to each other on the lab's network."""
    others = _peers(lab, machine, options["from"])
    table = f"{TABLE}_partition"
    return Plan(
        act=(Command(machine.name, ("nft", _rules(table, others, options["direction"]))),),
        undo=(delete_table(machine.name, table),),
        bites=(shell(machine.name, f"{_ping(others[0])}; {_dropped(table)}"),),
        gone=(no_table(machine.name, table),),
    )


def flap(lab: Topology, machine: Machine, options: Mapping[str, str]) -> Plan:
    """Cut `machine` off and on again, until undone."""
    table, unit = f"{TABLE}_flap", f"{PREFIX}-flap"
    others = _peers(lab, machine, "all")
    rules = _rules(table, others, "both")
    loop = (
        f"while :; do nft '{rules}'; sleep {options['down']}; "
        f"nft delete table inet {table}; sleep {options['up']}; done"
    )
    return Plan(
        act=(Command(machine.name, (*background(unit), "sh", "-c", loop)),),
        undo=(
            Command(machine.name, ("systemctl", "stop", f"{unit}.service")),
            delete_table(machine.name, table),
        ),
        bites=(shell(machine.name, f"{_ping(others[0])}; {_dropped(table)}"),),
        gone=(
            shell(machine.name, f"! systemctl is-active --quiet {unit}.service", THERE),
            no_table(machine.name, table),
        ),
        bites_s=10 + float(options["up"].rstrip("s")),
    )


def slow(lab: Topology, machine: Machine, options: Mapping[str, str]) -> Plan:
    """Delay, lose and throttle what `machine` sends on the lab's network."""
    peer = _peers(lab, machine, "nodes" if machine == lab.api else "api")[0]
    if not float(options["loss"].rstrip("%")) and expected_ms(options) <= 0:
        raise LabError(
            "such a network is not slow: its jitter is no less than its delay",
            hint="give a longer --delay, or --loss or --rate",
        )
    netem = ["netem", "delay", options["delay"], options["jitter"], "loss", options["loss"]]
    rate = ["rate", options["rate"]] if options["rate"] else []
    queue = f'tc qdisc show dev {DEVICE} | grep -Eq "netem|prio"'
    return Plan(
        act=(Command(machine.name, ("tc", "qdisc", "add", "dev", DEVICE, "root", *netem, *rate)),),
        undo=(Command(machine.name, ("tc", "qdisc", "del", "dev", DEVICE, "root")),),
        bites=(shell(machine.name, _seen_slow(peer, options)),),
        gone=(shell(machine.name, f"! {queue}", THERE),),
        needs=(shell(machine.name, f"! {queue}", DELAYED),),
    )


def _peers(lab: Topology, machine: Machine, who: str) -> list[str]:
    """The addresses of the machines that `who` names, without `machine`; raises LabError."""
    named = {"api": [lab.api], "nodes": list(lab.nodes), "all": list(lab.machines)}[who]
    others = [other.address for other in named if other != machine]
    if not others:
        raise LabError(
            f"{machine.name} cannot be cut off from itself",
            hint="lab chaos partition --help: --from says from whom",
        )
    return others


def _rules(table: str, others: Sequence[str], direction: str) -> str:
    """One table that drops what comes from `others`, what goes to them, or both."""
    listed = f"{{ {', '.join(others)} }}"
    ways = ("in", "out") if direction == "both" else (direction,)
    match = {"in": f"ip saddr {listed}", "out": f"ip daddr {listed}"}
    return f"table inet {table} {{ {''.join(_EACH_WAY[way] % match[way] for way in ways)}}}"


def _ping(peer: str) -> str:
    return f"ping -q -c 1 -W 1 {peer} >/dev/null 2>&1"


def _dropped(table: str) -> str:
    """The kernel has dropped at least one packet by a rule of `table`."""
    return f'nft list table inet {table} | grep "packets [1-9]"'


def _seen_slow(peer: str, options: Mapping[str, str]) -> str:
    if float(options["loss"].rstrip("%")):
        ping = f"ping -q -c 10 -i 0.05 -W 1 {peer} >/dev/null"
        return f'{ping}; tc -s qdisc show dev {DEVICE} | grep "dropped [1-9]"'
    least_ms = expected_ms(options)
    slow_enough = f"/^rtt/ {{ print; seen = $5 >= {least_ms:.1f} }} END {{ exit !seen }}"
    return f"ping -q -c 1 -W 9 -s {_PING_BYTES} {peer} | awk -F/ '{slow_enough}'"


def expected_ms(options: Mapping[str, str]) -> float:
    """Return how long an echo takes at least under `options`, in milliseconds."""
    delay_ms = float(options["delay"][:-2]) - float(options["jitter"][:-2])
    rate_ms = 0.0
    if options["rate"]:
        number, unit = re.fullmatch(r"(\d+)(\w+)", options["rate"]).groups()  # type: ignore[union-attr]
        rate_ms = 8e3 * _PING_BYTES / (float(number) * _BITS[unit])
    # Jitter has a tail, and a slow line some room.
    return max(0.0, 0.8 * delay_ms) + 0.8 * rate_ms


def _rate(value: str) -> str:
    return value and matching("a rate", r"[1-9]\d{0,5}(kbit|mbit|gbit)", "1mbit")(value)


_SECONDS = matching("a number of seconds", r"[1-9]\d{0,3}s", "5s")

FAULTS = (
    Fault(
        "partition",
        "Cut a machine off from the API, from nodes or from all.",
        MACHINES,
        (
            Option(
                "from",
                "api",
                "api|nodes|all",
                "From whom.",
                one_of("side", "api", "nodes", "all"),
            ),
            Option(
                "direction",
                "both",
                "both|in|out",
                "Seen from the target: in drops what it should hear, out what it says.",
                one_of("direction", "both", "in", "out"),
            ),
        ),
        partition,
        "By nftables in the machine. Push reaches its nodes over the same network.",
    ),
    Fault(
        "slow-network",
        "Delay, lose or throttle what a machine sends.",
        MACHINES,
        (
            Option("delay", "200ms", "MS", "Added to each packet.", MILLISECONDS),
            Option("jitter", "0ms", "MS", "By how much the delay varies.", MILLISECONDS),
            Option("loss", "0%", "PERCENT", "Share of packets that vanish.", PERCENT),
            Option("rate", "", "RATE", "Bandwidth, such as 1mbit.", _rate),
        ),
        slow,
        "By netem in the machine: only what it sends, so a request and its answer are late once.",
    ),
    Fault(
        "flap",
        "Cut a node off and on again, over and over.",
        NODES,
        (
            Option("down", "5s", "SECONDS", "How long it is cut off.", _SECONDS),
            Option("up", "5s", "SECONDS", "How long it is back.", _SECONDS),
        ),
        flap,
        "A control plane that decides too quickly moves its containers each time.",
    ),
)
