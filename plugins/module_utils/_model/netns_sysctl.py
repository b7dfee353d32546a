# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A `net.*` key inside a namespace, as the running kernel has it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Optional

from . import values
from .planner import Planner
from .problems import Reader
from .scope import Scope
from .state import HOST, Namespace, State, Sysctl, place
from .step import Action, inside

Key = tuple[str, ...]
NAME = "netns_sysctl"
IDENTITY = ("netns", "name")
OPTIONS: dict[str, Any] = {
    "netns": {"type": "str"},
    "name": {"type": "str", "required": True},
    "value": {"type": "raw", "required": True},
}
# Trees with a folder for each device: net/ipv4/conf/eth0/forwarding.
PER_DEVICE = ("conf", "neigh")
EVERYWHERE = ("all", "default")


@dataclass(frozen=True)
class SysctlSpec:
    """A key and its value, as declared."""

    path: str
    netns: str
    key: Key
    value: str
    absent: bool = False

    @property
    def subject(self) -> tuple[str, Key]:
        return self.netns, self.key

    def add_to(self, scope: Scope) -> None:
        needs = scope.namespace(self.netns)
        needs.sysctls.add(self.key)
        if written_through(self.key):
            needs.sysctls.update(written_through(self.key))


def order(spec: SysctlSpec) -> int:
    """`ip_forward` and `all` write through to the devices, so they come first."""
    if device_of(spec.key):
        return 3
    return {"all": 1, "default": 2}.get(spec.key[3] if len(spec.key) > 4 else "", 0)


def read(reader: Reader) -> SysctlSpec:
    netns = reader.get("netns", values.netns_name) or HOST
    return SysctlSpec(reader.path, netns, reader.get("name", key) or (), reader.get("value", normal) or "")


def key(text: str) -> Key:
    """The parts of a key: dots separate, or slashes where the first separator is one.

    A device's name may have dots of its own: in net.ipv4.conf.eth9.100.forwarding it is eth9.100.
    """
    stripped = text.strip().strip("/")
    separators = re.sub("[^./]", "", stripped)
    parts = stripped.split("/" if separators.startswith("/") else ".")
    if separators.startswith("/") is False and "/" in separators:
        # procps' other spelling: among dots, a slash stands for a dot within a name.
        parts = [part.replace("/", ".") for part in parts]
    if len(parts) > 5 and parts[2] in PER_DEVICE:
        parts = [*parts[:3], ".".join(parts[3:-1]), parts[-1]]
    if parts[0] != "net" or len(parts) < 3:
        raise ValueError(f"{text!r} is not a key below net., such as net.ipv4.ip_forward")
    if any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"{text!r} has an empty part, '.' or '..' in it")
    return tuple(parts)


def key_name(parts: Key) -> str:
    """A key as sysctl writes it: dotted, or with slashes where a part has a dot of its own."""
    return ("/" if any("." in part for part in parts) else ".").join(parts)


def device_of(parts: Key) -> Optional[str]:
    """The device a key belongs to."""
    return parts[3] if len(parts) == 5 and parts[2] in PER_DEVICE and parts[3] not in EVERYWHERE else None


def normal(value: Any) -> str:
    """A value by its meaning: true is 1, numbers are numbers, white space is one blank."""
    text = {"true": "1", "false": "0"}.get(str(value).strip().lower(), str(value))
    words = [str(int(word)) if re.fullmatch(r"[+-]?\d+", word) else word for word in text.split()]
    return " ".join(words)


def subjects(state: State, netns: str) -> Iterator[tuple[str, Key]]:
    for parts, found in state.namespaces[netns].sysctls.items():
        if found.exists and found.value is not None:
            yield netns, parts


def locate(state: State, spec: SysctlSpec) -> tuple[str, Key]:
    return spec.subject


def view(state: State, subject: tuple[str, Key]) -> Optional[dict[str, Any]]:
    netns, parts = subject
    namespace = state.namespaces.get(netns)
    found = namespace.sysctls.get(parts) if namespace else None
    if found is None or found.value is None:
        return None
    return {"netns": netns or None, "name": key_name(parts), "value": found.value}


def _settings(planner: Planner, spec: SysctlSpec) -> None:
    if device_of(spec.key) is None:
        _plan(planner, spec)


def _device_settings(planner: Planner, spec: SysctlSpec) -> None:
    if device_of(spec.key) is not None:
        _plan(planner, spec)


def _plan(planner: Planner, spec: SysctlSpec) -> None:
    namespace = planner.namespace(spec.netns)
    if namespace is None:
        return
    found = namespace.sysctls.get(spec.key, Sysctl(exists=False, default_exists=True))
    device = device_of(spec.key)
    if device is not None and not _device_there(planner, spec, namespace, device):
        return
    if namespace.assumed or (device is not None and not found.exists and found.default_exists):
        planner.do(WriteSysctl(spec.netns, spec.key, spec.value), "its value is not known before")
    elif not found.exists:
        planner.refuse(_missing(spec, found), "name")
    elif not found.readable:
        planner.refuse(f"{key_name(spec.key)} can only be written, not read: it holds no value to declare", "name")
    elif found.value != spec.value:
        if found.read_only_mount:
            planner.refuse("/proc/sys is mounted read-only here; in a container, run it privileged", "name")
        elif not found.writable:
            planner.refuse(f"{key_name(spec.key)} is read-only in {place(spec.netns)}", "name")
        else:
            planner.do(WriteSysctl(spec.netns, spec.key, spec.value), f"it is {found.value}, wanted {spec.value}")


def _device_there(planner: Planner, spec: SysctlSpec, namespace: Namespace, device: str) -> bool:
    if device in namespace.links:
        return True
    if planner.assume:
        planner.warn(f"link {device} does not exist yet in {place(spec.netns)}; planned as if it were there")
        planner.do(WriteSysctl(spec.netns, spec.key, spec.value), "its value is not known before")
    else:
        planner.refuse(f"there is no link {device} in {place(spec.netns)}", "name")
    return False


def _missing(spec: SysctlSpec, found: Sysctl) -> str:
    name, tree = key_name(spec.key), spec.key[1]
    if found.on_host and spec.netns:
        return f"{name} is not kept per namespace: only the machine's initial namespace has it"
    if not found.tree_exists:
        modules = {"ipv6": "IPv6 is switched off (ipv6.disable=1)", "bridge": "module br_netfilter is not loaded"}
        reason = modules.get(tree, f"nothing provides net.{tree} here (a kernel module that is not loaded)")
        return f"{name} does not exist: {reason}"
    if tree == "netfilter":
        return f"{name} does not exist: module nf_conntrack is not loaded, or it has no such key"
    return f"{name} does not exist in this kernel; check its spelling (ls /proc/sys/{'/'.join(spec.key[:-1])})"


@dataclass(frozen=True)
class WriteSysctl(Action):
    """Writes one key below /proc/sys, seen from inside the namespace."""

    netns: str
    key: Key
    value: str

    def what(self) -> str:
        return f"set {key_name(self.key)} = {self.value}"

    def command(self) -> str:
        words = self.value if re.fullmatch(r"[\w.-]+", self.value) else f'"{self.value}"'
        return inside(self.netns, f"sysctl -w {key_name(self.key)}={words}")

    def effect(self, state: State) -> None:
        sysctls = state.namespaces[self.netns].sysctls
        sysctls[self.key] = replace(sysctls.get(self.key, Sysctl()), value=self.value, exists=True)
        patterns = written_through(self.key)
        for other, found in sysctls.items():
            if other != self.key and found.exists and any(_follows(other, pattern) for pattern in patterns):
                sysctls[other] = replace(found, value=self.value)


def written_through(parts: Key) -> tuple[Key, ...]:
    """The keys that follow one that is written, "*" for every device: forwarding and disable_ipv6."""
    ipv4 = ("net", "ipv4", "conf", "*", "forwarding")
    if parts == ("net", "ipv4", "ip_forward"):
        return (ipv4,)
    if parts == ("net", "ipv4", "conf", "all", "forwarding"):
        return ipv4, ("net", "ipv4", "ip_forward")
    if parts[1:4] == ("ipv6", "conf", "all") and parts[-1] in ("forwarding", "disable_ipv6"):
        return (("net", "ipv6", "conf", "*", parts[-1]),)
    return ()


def follows(subject: tuple[str, Key], others: Iterable[tuple[str, Key]]) -> bool:
    """Whether a key follows one of the others when that is written."""
    netns, parts = subject
    return any(
        netns == other_netns and _follows(parts, pattern)
        for other_netns, other in others
        for pattern in written_through(other)
    )


def _follows(parts: Key, pattern: Key) -> bool:
    return len(parts) == len(pattern) and all(wanted in ("*", part) for part, wanted in zip(parts, pattern))


PLAN = {"settings": _settings, "device settings": _device_settings}
