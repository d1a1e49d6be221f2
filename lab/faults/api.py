"""Faults of the APIs: stopped, slow, answering errors."""

from collections.abc import Mapping, Sequence

from lab.faults.plan import (
    API,
    DELAYED,
    DEVICE,
    MILLISECONDS,
    MODE,
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
    shell,
)
from lab.faults.units import stopped
from provisioning.topology import Machine, Topology

# What the machine says to itself: scheduler and node controller, and the host through the door.
DEVICES = ("lo", DEVICE)
_PORT = 18081
_UNIT = f"{PREFIX}-api-errors"
_SERVER = f"""
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        self.send_error(int(sys.argv[1]))
    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer
http.server.ThreadingHTTPServer(("", {_PORT}), Handler).serve_forever()
"""


def api_units(modes: Sequence[str]) -> list[str]:
    """Return the units of the APIs of `modes`."""
    return [f"{mode}-api.service" for mode in modes]


def stop(_: Topology, api: Machine, options: Mapping[str, str]) -> Plan:
    """Stop the APIs of all modes at one instant. Timers and containers stay."""
    return stopped(api, api_units(options["mode"].split(",")))


def slow(lab: Topology, api: Machine, options: Mapping[str, str]) -> Plan:
    """Delay every packet that the APIs send."""
    ports = _ports(lab, options)
    delay = options["delay"]
    act = []
    for device in DEVICES:
        tc = ("tc", "qdisc", "add", "dev", device)
        # A fourth band, which nothing but our filters puts packets into.
        act += [
            (*tc, "root", "handle", "1:", "prio", "bands", "4"),
            (*tc, "parent", "1:4", "handle", "40:", "netem", "delay", delay),
        ]
        act += [
            ("tc", "filter", "add", "dev", device, "parent", "1:", "protocol", "ip", "u32")
            + ("match", "ip", "sport", port, "0xffff", "flowid", "1:4")
            for port in ports
        ]
    queues = '! tc qdisc show | grep -Eq "netem|prio"'
    late_s = f"{float(delay[:-2]) / 1000:g}"
    return Plan(
        act=tuple(Command(api.name, argv) for argv in act),
        undo=tuple(
            Command(api.name, ("tc", "qdisc", "del", "dev", device, "root")) for device in DEVICES
        ),
        bites=tuple(shell(api.name, f"! {_asked(port, f'--max-time {late_s}')}") for port in ports),
        gone=(shell(api.name, queues, THERE),),
        needs=(shell(api.name, queues, DELAYED), *_answering(api, ports)),
    )


def errors(lab: Topology, api: Machine, options: Mapping[str, str]) -> Plan:
    """Let another server answer each request to the APIs with an error."""
    ports, table = _ports(lab, options), f"{TABLE}_api_errors"
    said = f"tcp dport {{ {', '.join(ports)} }}"
    # New connections go to the other server. One that was opened before is reset.
    rules = (
        f"table inet {table} {{ "
        "chain outside { type nat hook prerouting priority -100; "
        f"iifname {DEVICE} {said} redirect to :{_PORT}; }}; "
        "chain inside { type nat hook output priority -100; "
        f"oifname lo {said} redirect to :{_PORT}; }}; "
        "chain before { type filter hook input priority 0; "
        f"iifname {{ lo, {DEVICE} }} {said} reject with tcp reset; }}; }}"
    )
    ready = f"until {_asked(str(_PORT))}; do sleep 0.1; done"
    seen = f'test "$code" = {options["status"]}'
    return Plan(
        act=(
            Command(
                api.name,
                (*background(_UNIT), "python3", "-S", "-E", "-c", _SERVER, options["status"]),
            ),
            shell(api.name, f"timeout 20 sh -c '{ready}'", timeout_s=20.0),
            Command(api.name, ("nft", rules)),
        ),
        undo=(
            delete_table(api.name, table),
            Command(api.name, ("systemctl", "stop", f"{_UNIT}.service")),
        ),
        bites=tuple(
            shell(api.name, f"code=$({_asked(port, '-w %{http_code}')}); echo $code; {seen}")
            for port in ports
        ),
        gone=(
            no_table(api.name, table),
            shell(api.name, f"! systemctl is-active --quiet {_UNIT}.service", "it still runs"),
        ),
        needs=_answering(api, ports),
    )


def _ports(lab: Topology, options: Mapping[str, str]) -> list[str]:
    return [str(lab.ports[mode]) for mode in options["mode"].split(",")]


def _asked(port: str, more: str = "") -> str:
    return f"curl -s -o /dev/null {more} http://127.0.0.1:{port}/healthz".replace("  ", " ")


def _answering(api: Machine, ports: list[str]) -> tuple[Command, ...]:
    return tuple(
        shell(
            api.name, _asked(port, "--max-time 5"), f"nothing answers on port {port} of {api.name}"
        )
        for port in ports
    )


_DELAY = Option(
    "delay", "2000ms", "MS", "Added to each packet; a request takes twice that.", MILLISECONDS
)
_STATUS = Option(
    "status", "503", "CODE", "Of HTTP: 500 to 599.", matching("a status", r"5\d\d", "503")
)

FAULTS = (
    Fault(
        "stop-api",
        "Stop the API service; containers, agents and timers stay.",
        API,
        (MODE,),
        stop,
        "`lab chaos start-api` starts it again, as `lab heal` does.",
        lasts=True,
    ),
    Fault(
        "api-slow",
        "Delay all that an API sends, to users and to nodes.",
        API,
        (_DELAY, MODE),
        slow,
        "Scheduler and node controller, which run beside it, wait too.",
    ),
    Fault(
        "api-errors",
        "Let an API answer every request with an error.",
        API,
        (_STATUS, MODE),
        errors,
        "Another server in its place does that; the API itself goes on, and nothing reaches it.",
    ),
)  # fmt: skip
