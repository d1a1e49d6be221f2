"""Echoes: five times a second every machine is asked whether it lives (ping).

By sockets that need no privilege; icmp(7): the kernel's net.ipv4.ping_group_range must include a
group of this process. The kernel fills in identifier and checksum, and hands over only answers to
this socket. `import socket` would cost a fifth of a pass's imports.
"""

import _socket
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from services.core.witness import listened

EVERY_S = 0.2
# A round that comes later found this process, or its machine, standing still. What was not heard
# meanwhile is no silence.
_AWAKE_S = 3 * EVERY_S
# IPv4 and IPv6: family, protocol, type of a request (RFC 792, RFC 4443).
_V4 = (_socket.AF_INET, _socket.IPPROTO_ICMP, 8)
_V6 = (_socket.AF_INET6, _socket.IPPROTO_ICMPV6, 128)


class Listener:
    """Counts for how long machines are silent. Nothing here raises.

    silent_s: see services.core.witness.Echoes; it begins as an earlier listener left it. asked:
    the addresses of the machines. trouble: why some cannot be asked; "" if all can.
    """

    def __init__(
        self, silent_s: Mapping[str, float], now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self.silent_s = silent_s
        self.asked: frozenset[str] = frozenset()
        self.trouble = ""
        self._now_s = now_s
        self._last_s = now_s()
        self._sent = False
        self._sockets: dict[Any, Any] = {}

    def listen(self, lease_s: float) -> bool:
        """Take the answers to the last round and begin another one.

        Returns whether a machine has become silent for longer than `lease_s`. To be called every
        EVERY_S.
        """
        now_s, before = self._now_s(), self.silent_s
        passed_s = min(now_s - self._last_s, _AWAKE_S) if self._sent else 0.0
        self.silent_s = listened(before, self.asked, self._answers(), passed_s)
        self._last_s, self._sent = now_s, True
        for address in self.asked:
            self._ask(address)
        return any(
            before.get(one, 0.0) <= lease_s < silent for one, silent in self.silent_s.items()
        )

    def doubts(self, lease_s: float) -> bool:
        """Return whether a machine has missed several echoes, and may be found dead soon."""
        return any(_AWAKE_S < silent <= lease_s + _AWAKE_S for silent in self.silent_s.values())

    def _ask(self, address: str) -> None:
        protocol = _V6 if ":" in address else _V4
        ours = self._socket(protocol)
        try:
            _socket.inet_pton(protocol[0], address)  # a name would be looked up
            if ours is not None:
                ours.sendto(bytes([protocol[2], *[0] * 7]), (address, 0))
        except OSError:
            return  # no address, no route, no room: no answer comes, either

    def _socket(self, protocol: tuple[int, int, int]) -> Any:
        """Return our socket for `protocol`; None if the kernel or the unit allows none."""
        if protocol not in self._sockets:
            kind = _socket.SOCK_DGRAM | _socket.SOCK_NONBLOCK | _socket.SOCK_CLOEXEC
            try:
                self._sockets[protocol] = _socket.socket(protocol[0], kind, protocol[1])
            except OSError as error:
                self._sockets[protocol] = None
                self.trouble = f"cannot open an ICMP socket: {error.strerror}"
        return self._sockets[protocol]

    def _answers(self) -> Iterable[str]:
        heard = set()
        for ours in self._sockets.values():
            # A bound: an error of the network is not an answer.
            for _ in range(2 * len(self.asked) if ours else 0):
                try:
                    heard.add(ours.recvfrom(8)[1][0])
                except BlockingIOError:
                    break
                except OSError:
                    continue
        return heard
