"""A real sshd on loopback, as a node: own keys, own port, and a strict fake systemctl."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from services.push.commands import Places
from services.push.inventory import NodeLimits, Target
from tests.waiting import wait_for

# Knows what push needs and nothing else; keeps systemd's rules: starting what is active, and
# stopping what is not, changes nothing and succeeds; a start of several goes on for all even if
# one fails; a unit whose `systemctl start` was killed is activating still, and the next start of
# it waits with it.
SYSTEMCTL = """\
#!/bin/sh
echo "$*" >>"$LAB_TEST/calls"
verb=$1 code=0 slow=
shift
for unit; do
    name=${unit#push-container@}
    name=${name%.service}
    [ "$unit" = "push-container@$name.service" ] || { echo "what: $unit" >&2; exit 64; }
    ready="$LAB_TEST/containers/$name" cgroup="$LAB_TEST/cgroups/$unit"
    case $verb in
    start)
        [ -e "$ready/ready" ] && continue
        case $name in crash* | mute*) echo "Job for $unit failed." >&2; code=1; continue ;; esac
        mkdir -p "$cgroup" && printf 'populated 1\nfrozen 0\n' >"$cgroup/cgroup.events"
        case $name in slow*) slow="$slow $name"; continue ;; esac
        mkdir -p "$ready"
        sed -n 's/^LAB_IMAGE=//p' "$LAB_TEST/units/$name.env" >"$ready/ready" ;;
    stop)
        case $name in stuck*) slow="$slow $name"; continue ;; esac
        rm -rf "$ready" "$cgroup" ;;
    is-active)
        if [ -e "$ready/ready" ]; then echo active
        elif [ -e "$cgroup" ]; then echo activating; code=3
        else echo inactive; code=3; fi ;;
    *) exit 64 ;;
    esac
done
[ "$slow" ] && echo $$ >"$LAB_TEST/slow.pid" && while [ ! -e "$LAB_TEST/go" ]; do sleep 0.05; done
for name in $slow; do
    ready="$LAB_TEST/containers/$name" cgroup="$LAB_TEST/cgroups/push-container@$name.service"
    if [ "$verb" = stop ]; then rm -rf "$ready" "$cgroup"
    else mkdir -p "$ready" && echo 10000 >"$ready/ready"; fi
done
exit "$code"
"""
JOURNALCTL = """\
#!/bin/sh
case "$*" in
*_SYSTEMD_UNIT=push-container@crash*) echo "ports 10000 to 10099 are all taken" ;;
esac
"""
# Generous, because a busy machine is slow to log in; far below what an unbounded wait would take.
LIMITS = NodeLimits(connect_s=2, command_s=10)
BOUND_S = 30
PROGRAM = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")


class SshNode:
    """One sshd; stop() and start() again as often as you like. Always stop() at the end."""

    def __init__(self, name: str, folder: Path, client_key: Path) -> None:
        assert PROGRAM, "sshd is missing: apt-get install --no-install-recommends openssh-server"
        self.name = name
        self.folder = folder
        self.places = Places(*(str(folder / name) for name in Places._fields))
        self.host_key = new_key(folder / "host_key")
        self.port = free_port()
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._write_files(client_key)

    @property
    def target(self) -> Target:
        return Target(self.name, "127.0.0.1", self.port)

    @property
    def calls(self) -> list[str]:
        """Every systemctl that ran here, in order."""
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []

    @property
    def logins(self) -> int:
        """How many logins there were."""
        return self._log.read_text().count("Accepted publickey")

    def known_hosts(self, key: Path | None = None) -> str:
        """The line that pins `key`, by default the one that this sshd has."""
        public = (key or self.host_key).with_suffix(".pub").read_text()
        return f"[127.0.0.1]:{self.port} {public}"

    def start(self) -> None:
        """Start sshd and wait until it accepts connections."""
        argv = [str(PROGRAM), "-D", "-f", str(self.folder / "sshd_config"), "-E", str(self._log)]
        self._process = process = subprocess.Popen(argv)

        def listens() -> bool:
            assert process.poll() is None, f"sshd ended: {self._log.read_text()}"
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0

        wait_for(listens, "sshd listens", timeout_s=10)

    def stop(self) -> None:
        """Kill sshd and every session of it."""
        if self._process is not None:
            for pid in self.family():
                signal_if_there(pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def family(self) -> list[int]:
        """Process ids of sshd and of all that it started."""
        assert self._process is not None
        parents = {int(p.name): parent_of(p) for p in Path("/proc").iterdir() if p.name.isdigit()}
        found = [self._process.pid]
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        return found

    def _write_files(self, client_key: Path) -> None:
        tools = self.folder / "bin"
        tools.mkdir()
        for name, text in (("systemctl", SYSTEMCTL), ("journalctl", JOURNALCTL)):
            (tools / name).write_text(text)
            (tools / name).chmod(0o755)
        (self.folder / "banner").write_text("running ghost\n")
        (self.folder / "sshd_config").write_text(
            f"ListenAddress 127.0.0.1:{self.port}\nHostKey {self.host_key}\n"
            f"AuthorizedKeysFile {client_key.with_suffix('.pub')}\nPidFile none\nUsePAM no\n"
            f"Banner {self.folder}/banner\n"
            "StrictModes no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\n"
            # HOME, so that no .bashrc but a test's own runs.
            f'SetEnv "PATH={tools}:/usr/bin:/bin" HOME={self.folder} LAB_TEST={self.folder}\n'
        )
        if os.geteuid() == 0:
            # Where systemd runs, its unit for sshd makes this.
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)


def new_key(path: Path) -> Path:
    """Generate a key pair at `path` and `path`.pub."""
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)]
    subprocess.run(argv, check=True)
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def user() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


def parent_of(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return -1  # it ended


def signal_if_there(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


@contextlib.contextmanager
def frozen(node):
    """Stop every process of `node` for the length of the block."""
    pids = node.family()
    for pid in pids:
        signal_if_there(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            signal_if_there(pid, signal.SIGCONT)
