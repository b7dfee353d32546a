# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a step does to keys below /proc/sys, and what else the kernel changes with them."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace

from . import addresses, following
from .netns_sysctl_keys import DISABLE_IPV6, Key, device_of, fits, followed, key_name
from .state import End, Namespace, State, Sysctl
from .step import CHANGE, Action, inside


@dataclass(frozen=True)
class WriteSysctl(Action):
    """Writes one key below /proc/sys, seen from inside the namespace."""

    netns: str
    key: Key
    value: str
    change = CHANGE

    def what(self) -> str:
        return f"set {key_name(self.key)} = {self.value}"

    def command(self) -> str:
        name, plain = key_name(self.key), re.fullmatch(r"[\w.-]+", self.value)
        setting = f"{name}={self.value}" if plain else f'{name}="{self.value}"'
        if not re.fullmatch(r"[\w./@-]+", name) or not re.fullmatch(r"[\w .,:/-]*", self.value):
            setting = shlex.quote(f"{name}={self.value}")
        return inside(self.netns, f"sysctl -w {setting}")

    def effect(self, state: State) -> None:
        namespace = state.namespaces[self.netns]
        sysctls = namespace.sysctls
        before = sysctls.get(self.key, Sysctl())
        sysctls[self.key] = replace(before, value=self.value, exists=True)
        sysctls.pop(doubt(self.key), None)
        for other, found in list(sysctls.items()):
            value = followed(self.key, self.value, other) if found.exists else None
            if value is not None:
                sysctls[other] = replace(found, value=value)
            elif found.exists and found.value == before.value and _may_follow(other, self.key):
                sysctls[doubt(other)] = Sysctl(exists=False)
        is_on = self.value == "0"
        for name in self._switched(namespace):
            was_on = namespace.links[name].ipv6
            if not is_on:
                addresses.drop_ipv6(namespace, name)
            namespace.links[name] = namespace.links[name].but(ipv6=is_on)
            if is_on and not was_on and namespace.links[name].up:
                following.follow_ipv6_mtu(namespace, name)

    def _switched(self, namespace: Namespace) -> list[str]:
        """The devices on which this switches IPv6 on or off."""
        if self.key[1:3] != ("ipv6", "conf") or self.key[-1] != DISABLE_IPV6:
            return []
        device = device_of(self.key)
        return [device] if device else list(namespace.links) if self.key[3] == "all" else []


@dataclass(frozen=True)
class KeepIpv6Mtu(WriteSysctl):
    """Gives a device the MTU for IPv6 again that somebody had set, and that went with another change."""

    def effect(self, state: State) -> None:
        if self.key in state.namespaces[self.netns].sysctls:
            super().effect(state)
        # Otherwise nobody has looked at the key, and it is none of the settings that a plan changes.
        state.change_link(End(self.netns, self.key[3]), ipv6_mtu=int(self.value))


def _may_follow(other: Key, default: Key) -> bool:
    """Whether a key is a device's, to which the kernel copies this default if nobody has set it there.

    On which devices somebody has, the kernel does not tell; they have the default's value until then.
    """
    if len(default) != 5 or default[3] != "default" or default[1:3] == ("ipv6", "conf"):
        return False
    return device_of(other) is not None and fits(other, (*default[:3], "*", default[4]))


def doubt(parts: Key) -> Key:
    """What stands among the planned sysctls for a key whose value may have followed: no key of the kernel."""
    return (*parts, "?")
