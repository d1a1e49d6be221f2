"""What `lab` decided about this computer: .lab/lab.json, which the Vagrantfile reads too."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from lab import files, paths
from lab.host import netns
from lab.host.accel import Accel
from provisioning import topology as topology_file
from provisioning.host import access
from provisioning.topology import Topology
from services.core.errors import LabError
from services.core.fields import decode
from services.lib.slowness import KEY as SLOWNESS

if TYPE_CHECKING:
    from provisioning.box.build import Box

SSH_CONFIG = paths.STATE / "ssh_config"
_KERNEL_COMMAND_LINE = (
    "root=/dev/vda rw rootwait console=ttyS0 net.ifnames=0 quiet mitigations=off "
    # Without autogroups a unit's Nice= counts among all units. Who panics boots again.
    "random.trust_cpu=on noautogroup panic=1 "
    # Who may send echoes without a privilege, as systemd sets it elsewhere: every group. To set it
    # from a unit would cost a process.
    'sysctl.net.ipv4.ping_group_range="0 2147483647"'
)
_EMULATED = (
    # QEMU keeps what it translated by address: programs that always lie at the same one are
    # translated once, not once a start. The guests' programs can be guessed at, then.
    " norandmaps"
    # Work of the kernel that matters where others share it, and costs a good part of its boot.
    " cryptomgr.notests lsm= audit=0 init_on_alloc=0 hardened_usercopy=off"
    " randomize_kstack_offset=off rcupdate.rcu_expedited=1"
    # A busy host may give a machine no turn while its kernel counts ten ticks of the timer, which
    # then counts as broken: a panic. Guests under KVM leave that out by themselves.
    " no_timer_check"
)
# Where the machines' slowness does not matter: what a login takes at worst on a busy host.
_CONNECT_S = 15
# How often vagrant-libvirt looks at libvirt; its default of 2 s is most of what a short boot takes.
_POLL_S = 0.1


class Settings(NamedTuple):
    """The part of lab.json that the Python side reads. topology: its digest at that time."""

    netns: str | None
    accel: Accel
    topology: str = ""


class NotSetUp(LabError):
    """This checkout has never brought a lab up."""

    def __init__(self) -> None:
        super().__init__("the lab is not up", hint="lab up both")


def load() -> Settings:
    """Return the settings of the last `lab up`; raises NotSetUp before the first."""
    try:
        data = decode(paths.SETTINGS.read_text())
        accel = Accel(data["accel"], data["slowness"], data["why"])
        return Settings(data["netns"], accel, data.get("topology", ""))
    except (OSError, ValueError, KeyError, TypeError):
        raise NotSetUp from None


def kernel_command_line(accel: str) -> str:
    """Return the command line of the machines' kernels under the accelerator `accel`.

    Under emulation all of it that costs and that a lab can do without is turned off (docs/vms.md).
    """
    return _KERNEL_COMMAND_LINE + (_EMULATED if accel == "tcg" else "")


def ssh() -> list[str]:
    """Return the words that begin an ssh of ours to a machine; raises NotSetUp."""
    return ["ssh", "-F", str(SSH_CONFIG), *netns.ssh_options(load().netns)]


def namespace_of(topology: Topology) -> str | None:
    """Return the namespace that the lab is in, or would be; None: the host's own network."""
    try:
        return load().netns
    except NotSetUp:
        return netns.wanted(topology)


def write(
    topology: Topology,
    box: "Box",
    accel: Accel,
    namespace: str | None,
    modes: Sequence[str],
    doors: Mapping[str, tuple[str, int]],
) -> None:
    """Write lab.json, the ssh_config and what QEMU opens itself. Idempotent.

    modes: what new machines start by themselves. doors: machine -> where its SSH is reached.
    """
    # All that makes a box takes 60 ms to import, and only `lab up` writes.
    from lab.host import console, credentials, kernel, keys, networks
    from lab.host.shared import share
    from provisioning.box.cache import NAME

    keys.ensure(topology)
    given = credentials.credentials(topology, modes)
    (paths.SHARED / "console").mkdir(parents=True, exist_ok=True)
    SSH_CONFIG.write_text(_ssh_config(topology, namespace, doors))
    data: dict[str, Any] = {
        "netns": namespace,
        "topology": topology_file.digest(),
        "accel": accel.name,
        "slowness": accel.slowness,
        "why": accel.why,
        "box_name": NAME,
        "box_version": box.version,
        "kernel": str(kernel.share(box, accel.name)),
        "initrd": str(share(box.folder / "initrd", f"{box.key}-initrd")),
        "kernel_command_line": f"{kernel_command_line(accel.name)} {SLOWNESS}{accel.slowness:g}",
        "emulator": _emulator(namespace),
        "key": str(keys.USER_KEY),
        "ssh_config": str(SSH_CONFIG),
        "proxy_command": netns.proxy_command(namespace),
        # Vagrant gives up first, and says on which machine.
        "boot_timeout_s": round(20 * accel.slowness),
        "connect_timeout_s": _CONNECT_S,
        # Each look is work, and the machines' own work is what there is to wait for.
        "poll_s": round(min(_POLL_S * accel.slowness, 1.0), 1),
        "management_network": networks.management_cidr(topology),
        "macs": {machine.name: machine.mac for machine in topology.machines},
        "consoles": {m.name: str(console.file(m.name)) for m in topology.machines},
        "credentials": {
            machine.name: _credentials(
                machine.name,
                keys.credentials(machine, topology) | given[machine.name],
            )
            for machine in topology.machines
        },
    }
    paths.SETTINGS.write_text(json.dumps(data, indent=1) + "\n")


def _emulator(namespace: str | None) -> str | None:
    """Our wrapper around QEMU, or None where AppArmor lets libvirt run no such thing.

    A copy whose path is the same in every checkout: a machine that is saved here may be restored
    from there, and libvirt then asks for the emulator that it began with.
    """
    if namespace is None and access.confined():
        return None
    from lab.host.shared import share

    source = paths.ROOT / "provisioning/host/qemu-bounded"
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
    return str(share(source, f"{source.name}-{digest}", mode=0o755))


def _ssh_config(
    topology: Topology, namespace: str | None, doors: Mapping[str, tuple[str, int]]
) -> str:
    from lab.host import keys

    proxy = netns.proxy_command(namespace)
    blocks = "".join(
        f"Host {machine.name} {machine.management}\n"
        f"  HostName {doors[machine.name][0]}\n  Port {doors[machine.name][1]}\n"
        f"  HostKeyAlias {machine.name}\n"
        for machine in topology.machines
    )
    return f"""# `ssh -F .lab/ssh_config node1`: the way in of `lab ssh` and `vagrant ssh`.
{blocks}Host *
  User root
  IdentityFile "{str(keys.USER_KEY).replace("%", "%%")}"
  IdentitiesOnly yes
  # As the global file: Vagrant's own SSH library looks at no other.
  GlobalKnownHostsFile "{keys.KNOWN_HOSTS}"
  UserKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  BatchMode yes
  ConnectTimeout {_CONNECT_S}
  # A machine whose plug was pulled answers nothing: give up instead of hanging.
  ServerAliveInterval 5
  ServerAliveCountMax 3
  LogLevel ERROR
{f"  ProxyCommand {proxy}" if proxy else ""}
"""


def _credentials(machine: str, texts: dict[str, str]) -> dict[str, str]:
    """Write one machine's credentials; readable by us and by the group QEMU runs in."""
    folder = paths.SHARED / "credentials" / machine
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for name, text in texts.items():
        path = folder / name
        if not path.exists() or path.read_text() != text:
            files.replace(path, text, mode=0o640)
        written[name] = str(path)
    return written
