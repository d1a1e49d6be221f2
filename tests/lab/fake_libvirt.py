"""A libvirt without machines: domains, volumes and networks by name, as virsh tells of them.

It keeps virsh's awkward rules: what is not there cannot be deleted, a machine that runs cannot be
undefined, a network that is active cannot either, and a volume outlives its machine.

Its lab has a name that no real machine has: whatever is not replaced finds nothing to harm.
"""

from lab import paths
from provisioning.run import ToolFailed

NAME = "fakelab"


class FakeLibvirt:
    """states: domain -> libvirt's state; makers: domain -> its description."""

    def __init__(self, domains=(), volumes=(), networks=()):
        self.domains = dict.fromkeys(domains, "running")
        self.makers = {}
        self.volumes = set(volumes)
        self.networks = set(networks)
        self.active = set(networks)
        self.said = []

    def install(self, monkeypatch, folder):
        """Stand in for virsh wherever it is used; the checkout's state lies in `folder`."""
        users = ("networks", "virsh"), ("boxes", "inventory", "plug", "domains")
        for package, modules in zip(("host", "machines"), users, strict=True):
            for module in modules:
                monkeypatch.setattr(f"lab.{package}.{module}.virsh", self.virsh)
        # QEMU's process ids.
        monkeypatch.setattr("lab.machines.plug._RUN", folder)
        monkeypatch.setattr("lab.machines.remote.disconnect", lambda machine: None)
        for name, below in (("STATE", "state"), ("ROOT", "root"), ("SHARED", "shared")):
            (folder / below).mkdir(exist_ok=True)
            monkeypatch.setattr(paths, name, folder / below)
        monkeypatch.setattr(paths, "SETTINGS", folder / "state/lab.json")

    def virsh(self, *words, timeout_s=60):
        self.said.append(words)
        command = words[0]
        name = words[1] if len(words) > 1 else ""
        if command == "pool-list":
            return " default  active  yes\n"
        if command == "net-list":
            states = {one: "active" if one in self.active else "inactive" for one in self.networks}
            return "".join(f" {one}  {state}  no  yes\n" for one, state in states.items())
        if command == "list" and "--uuid" in words:
            return "".join(f"uuid-of-{one}  {one}\n" for one in self.domains)
        if command == "list":
            return "".join(f" - {one}  {state}\n" for one, state in self.domains.items())
        if command == "vol-list":
            return "".join(f" {one}  /pool/{one}\n" for one in self.volumes)
        if command == "desc":
            return f"Source: {self.makers.get(name, '/gone/Vagrantfile')}\n"
        if command == "net-dumpxml":
            return "something else"
        return self._change(command, name)

    def _change(self, command, name):
        if command == "destroy" and self.domains[name] == "running":
            self.domains[name] = "shut off"
        elif command == "undefine" and self.domains.get(name) == "shut off":
            del self.domains[name]
        elif command == "vol-delete" and name in self.volumes:
            self.volumes.remove(name)
        elif command == "net-destroy" and name in self.active:
            self.active.remove(name)
        elif command == "net-undefine" and name in self.networks - self.active:
            self.networks.remove(name)
        elif command != "pool-refresh":
            raise ToolFailed(["virsh", command], 1, f"error: {name}")
        return ""
