# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Echo requests sent and answers received on raw sockets, many at a time."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import struct
import time
from typing import Callable, NamedTuple, Optional

from .._model import icmp
from .._model.icmp import Key, Refusal
from .._model.reachability import DEFAULT_SIZE, Check, said
from .._model.trial import Probe, Trial
from . import probe_socket
from .session import Session

SOL_RAW, ICMP_FILTER, ICMPV6_FILTER = 255, 1, 1
SO_RCVBUFFORCE = 33
RECEIVE_BUFFER = 4 << 20
IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, IPV6_DONTFRAG = 10, 23, 62
# Never fragment, and trust the device's MTU only: what earlier probes taught the kernel of the path may be outdated.
PMTUDISC_PROBE = 3


class Sent(NamedTuple):
    """An echo request that may still be answered."""

    trial: Trial
    probe: Probe
    number: int


class Echoes:
    """All echo requests of a run.

    One socket in each namespace receives, whatever the devices that the others are bound to: an answer from an
    address of the same namespace comes in on `lo`.
    """

    def __init__(self, session: Session, selector: selectors.BaseSelector, wake: Callable[[Trial], None]) -> None:
        self._session, self._selector, self._wake = session, selector, wake
        self._receivers: dict[tuple[str, int], socket.socket] = {}
        self._senders: dict[tuple[str, int, Optional[str], Optional[str], bool], socket.socket] = {}
        self._sent: dict[Key, Sent] = {}
        self._nonce = os.urandom(8)
        self._number = int.from_bytes(os.urandom(2), "big") << 16

    def close(self) -> None:
        for sock in (*self._senders.values(), *self._receivers.values()):
            sock.close()

    def send(self, trial: Trial) -> None:
        """Sends one request; BlockingIOError where the kernel has no room for it now."""
        check = trial.check
        number = self._number = self._number + 1
        key = Key(number >> 16 & 0xFFFF, number & 0xFFFF)
        packet = icmp.request(check.family, key, self._payload(check, number))
        now = time.monotonic()
        try:
            self._receive_for(check)
            self._sender(check).sendto(packet, (check.to, 0))
        except BlockingIOError:
            raise
        except OSError as error:
            mtu = self._mtu(check, packet) if error.errno == errno.EMSGSIZE else None
            self._drop_sender(check)
            trial.failed(trial.sent(now), said(error.errno or 0, check, mtu))
        else:
            self._sent[key] = Sent(trial, trial.sent(now), number)

    def _payload(self, check: Check, number: int) -> bytes:
        return icmp.payload(number, self._nonce, DEFAULT_SIZE if check.size is None else check.size)

    def _sender(self, check: Check) -> socket.socket:
        place = _place(check)
        if place not in self._senders:
            made = probe_socket.sender(self._session, check, socket.SOCK_RAW, icmp.PROTOCOL[check.family])
            self._senders[place] = made
            _let_in(made, check.family, ())
            if check.size is not None and check.family == 4:
                made.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_PROBE)
            elif check.size is not None:
                made.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_PROBE)
                made.setsockopt(socket.IPPROTO_IPV6, IPV6_DONTFRAG, 1)
        return self._senders[place]

    def _drop_sender(self, check: Check) -> None:
        """The device it is bound to may have been replaced: the next attempt opens another."""
        sock = self._senders.pop(_place(check), None)
        if sock:
            sock.close()

    def _mtu(self, check: Check, packet: bytes) -> Optional[int]:
        """The MTU that was too small: only the error queue tells it, and only of a packet sent meanwhile."""
        sock = self._sender(check)
        probe_socket.queue_errors(sock, check.family, True)
        try:
            sock.sendto(packet, (check.to, 0))
        except OSError:
            error = probe_socket.queued_error(sock, check.family)
            return error.info if error and error.code == errno.EMSGSIZE else None
        return None

    def _receive_for(self, check: Check) -> None:
        place = (check.netns, check.family)
        if place in self._receivers:
            return
        made = probe_socket.new(self._session, *place, socket.SOCK_RAW, icmp.PROTOCOL[check.family])
        self._receivers[place] = made
        made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
        _let_in(made, check.family, (icmp.ECHO_REPLY[check.family], *icmp.ERRORS[check.family]))
        if check.family == 6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        self._selector.register(made, selectors.EVENT_READ, lambda: self._read(made, *place))

    def _read(self, sock: socket.socket, netns: str, family: int) -> None:
        while True:
            try:
                packet, extra, dummy, address = sock.recvmsg(1 << 16, 64)
            except BlockingIOError:
                return
            now = time.monotonic()
            answer = icmp.read(family, packet, address[0].partition("%")[0], _hop_limit(extra))
            if answer is not None:
                self._take(netns, answer, now)

    def _take(self, netns: str, answer: icmp.Answer, now: float) -> None:
        """Tells the trial that an answer belongs to, after making sure that it does."""
        sent = self._sent.get(answer.key)
        if sent is None or sent.trial.over or sent.trial.check.netns != netns:
            return
        trial, probe, number = sent
        check = trial.check
        if isinstance(answer, Refusal):
            if answer.destination != check.to:
                return
            trial.failed(probe, answer.complaint)
        elif answer.sender != check.to:
            trial.remark = f"{answer.sender} answered instead"
        elif answer.payload != self._payload(check, number):
            trial.remark = "an answer came with other data than was sent"
        else:
            probe.took, probe.ttl = now - probe.sent, answer.ttl
            del self._sent[answer.key]
        self._wake(trial)


def _place(check: Check) -> tuple[str, int, Optional[str], Optional[str], bool]:
    """What sockets are told apart by."""
    return check.netns, check.family, check.device, check.source, check.size is not None


def _let_in(sock: socket.socket, family: int, kinds: tuple[int, ...]) -> None:
    """Of all the ICMP that arrives in the namespace, only these types."""
    blocked = [0xFFFFFFFF] * (1 if family == 4 else 8)
    for kind in kinds:
        blocked[kind // 32] &= ~(1 << kind % 32)
    option = (SOL_RAW, ICMP_FILTER) if family == 4 else (socket.IPPROTO_ICMPV6, ICMPV6_FILTER)
    sock.setsockopt(*option, struct.pack(f"={len(blocked)}I", *blocked))


def _hop_limit(extra: list[tuple[int, int, bytes]]) -> Optional[int]:
    """IPv6's TTL, which comes beside the packet."""
    for level, kind, data in extra:
        if (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT):
            return int(struct.unpack("=i", data[:4])[0])
    return None
