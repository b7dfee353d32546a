# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The step that makes a cable."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from . import attributes
from .attributes import ETHERNET_MTU, Attributes
from .following import NEW_MTU
from .state import HOST, End, Link, State
from .step import CREATE, Action, ip


def generated_mac(salt: str, end: End) -> str:
    """A locally administered address that stays the same for a device of a host.

    Known before the device exists, so that neighbours can be planned; and given in the create message,
    so that udev's MACAddressPolicy leaves it alone.
    """
    digest = hashlib.sha256(f"{salt}\0{end.netns}\0{end.name}".encode()).digest()
    return "02:" + ":".join(f"{byte:02x}" for byte in digest[:5])


@dataclass(frozen=True)
class CreateVeth(Action):
    """Makes a cable with both ends at their places, in one netlink message."""

    near: End
    far: End
    near_wanted: Attributes
    far_wanted: Attributes
    change = CREATE

    @property
    def netns(self) -> str:  # type: ignore[override]
        return self.near.netns

    def what(self) -> str:
        return f"create cable {self.near} -- {self.far}"

    def command(self) -> str:
        near, far = self.from_host
        words: list[str] = []
        for end, wanted, front in ((*near, []), (*far, ["type", "veth", "peer"])):
            words += [*front, "name", end.name, *_words(wanted), *(["netns", end.netns] if end.netns else [])]
        return ip(HOST, "link", "add", *words)

    @property
    def from_host(self) -> tuple[tuple[End, Attributes], tuple[End, Attributes]]:
        """Both ends, one on the host first: older kernels want its name to be free where the message is sent."""
        near, far = (self.near, self.near_wanted), (self.far, self.far_wanted)
        return (far, near) if self.far.netns == HOST else (near, far)

    def effect(self, state: State) -> None:
        pairs = ((self.near, self.near_wanted, self.far), (self.far, self.far_wanted, self.near))
        for end, wanted, other in pairs:
            state.namespaces[end.netns].links[end.name] = Link(
                end.name,
                kind="veth",
                mac=wanted.mac,
                mtu=wanted.mtu or NEW_MTU,
                min_mtu=ETHERNET_MTU[0],
                max_mtu=ETHERNET_MTU[1],
                txqueuelen=1000 if wanted.txqueuelen is None else wanted.txqueuelen,
                up=False,
                peer=other,
                ipv6=state.namespaces[end.netns].starts_with_ipv6,
            )
            attributes.forget_settings(state, end.netns, {end.name})


def _words(wanted: Attributes) -> list[str]:
    words = []
    for option, value in (("address", wanted.mac), ("mtu", wanted.mtu), ("txqueuelen", wanted.txqueuelen)):
        if value is not None:
            words += [option, str(value)]
    return words
