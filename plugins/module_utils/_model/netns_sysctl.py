# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A `net.*` key inside a namespace, as the running kernel has it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Optional

from . import losses, values
from .netns_sysctl_actions import KeepIpv6Mtu, WriteSysctl, doubt
from .netns_sysctl_keys import (
    ACCEPT_DAD,
    ACCEPT_RA,
    DISABLE_IPV6,
    FORMS,
    FORWARDING,
    STABLE_SECRET,
    Key,
    default_of,
    device_of,
    exact_twin,
    example_of,
    fits,
    ipv6_mtu,
    key,
    key_name,
    normal,
    written_through,
)
from .planner import Planner, Together
from .problems import Reader
from .scope import Scope
from .state import HOST, End, Namespace, State, Sysctl, place
from .step import LOST

NAME = "netns_sysctl"
IDENTITY = ("netns", "name")
OPTIONS: dict[str, Any] = {
    "netns": {"type": "str"},
    "name": {"type": "str", "required": True},
    "value": {"type": "raw", "required": True},
}


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
        needs.sysctls |= {self.key, *written_through(self.key)}
        if device_of(self.key):
            needs.sysctls |= {example_of(self.key), default_of(self.key)}
        if self.key[-1:] == (DISABLE_IPV6,):
            # What the kernel takes away with IPv6.
            scope.taken_along(self.netns)
        if _is_ipv6_forwarding(self.key):
            scope.advertised(self.netns)


# Followed by the kernel from elsewhere: the device's MTU, a multicast routing daemon.
DERIVED = ("mtu", "mc_forwarding")


def order(spec: SysctlSpec) -> int:
    """`ip_forward`, `all` and `default` write through to the devices, a secret to how its device makes addresses.

    Whether a device is to keep what routers advertise has to be known before forwarding is on.
    """
    if spec.key[-1:] == (ACCEPT_RA,):
        return -1
    if device_of(spec.key):
        return 3 if spec.key[-1] == STABLE_SECRET else 4
    return {"all": 1, "default": 2}.get(spec.key[3] if len(spec.key) > 4 else "", 0)


def read(reader: Reader) -> SysctlSpec:
    parts: Key = reader.get("name", key) or ()
    netns = reader.get("netns", values.netns_name) or HOST
    return SysctlSpec(reader.path, netns, parts, reader.get("value", lambda value: normal(value, parts)) or "")


def subjects(state: State, netns: str) -> Iterator[tuple[str, Key]]:
    sysctls = state.namespaces[netns].sysctls
    for parts, found in sysctls.items():
        if found.exists and found.writable and found.value is not None and exact_twin(parts) not in sysctls:
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
    if device_of(spec.key) is None or _comes_first(planner, spec):
        _plan(planner, spec)


def _comes_first(planner: Planner, spec: SysctlSpec) -> bool:
    """Whether a device that is there, and stays, is to be told what to do with advertisements."""
    end = End(spec.netns, device_of(spec.key) or "")
    if spec.key[-1] != ACCEPT_RA or not _is_there(planner.state, *end) or planner.claims_place(end):
        return False
    found = planner.state.namespaces[spec.netns].sysctls.get(spec.key)
    if found is None or not found.exists:
        # It comes with IPv6.
        return False
    return not any(link.end.name == end.name and link.end != end for link in planner.specs.get("link", ()))


def _device_settings(planner: Planner, spec: SysctlSpec) -> None:
    if device_of(spec.key) is not None and not _is_ipv6_mtu(spec.key):
        _plan(planner, spec)


def _ipv6_mtus(planner: Planner, spec: SysctlSpec) -> None:
    """When devices have their MTU and are up: with both the kernel sets the one for IPv6 as well."""
    if _is_ipv6_mtu(spec.key):
        _plan(planner, spec)


def _is_ipv6_mtu(parts: Key) -> bool:
    return parts == ipv6_mtu(device_of(parts) or "")


def _plan(planner: Planner, spec: SysctlSpec) -> None:
    device = device_of(spec.key)
    if planner.puts_back and not _is_there(planner.state, spec.netns, device):
        # It went with its namespace or its device.
        return
    namespace = planner.namespace(spec.netns)
    if namespace is None or (device and planner.link(End(spec.netns, device)) is None):
        return
    found = namespace.sysctls.get(spec.key)
    if namespace.assumed or found is None or (device and _appears(namespace, device) and not found.exists):
        example = namespace.sysctls.get(example_of(spec.key)) if device else None
        if example is not None and not example.exists:
            planner.refuse(_missing(spec, example, None), "name")
            return
        planner.do(WriteSysctl(spec.netns, spec.key, spec.value), "its value is not known before")
        return
    wrong = _obstacle(spec, found, namespace)
    if wrong:
        planner.refuse(wrong[1], wrong[0])
    elif found.value != spec.value:
        if _is_ipv6_forwarding(spec.key) and found.value == "0":
            losses.by_forwarding(planner, spec.netns)
        now = "unset" if found.value is None else found.value or "empty"
        planner.do(WriteSysctl(spec.netns, spec.key, spec.value), f"it is {now}, wanted {spec.value or 'empty'}")
    elif doubt(spec.key) in namespace.sysctls:
        planner.do(WriteSysctl(spec.netns, spec.key, spec.value), "it may have followed the change of default")


def _is_ipv6_forwarding(parts: Key) -> bool:
    return parts[1:3] == ("ipv6", "conf") and parts[-1] == FORWARDING and parts[3] != "default"


def _is_there(state: State, netns: str, device: Optional[str]) -> bool:
    return netns in state.namespaces and (not device or device in state.namespaces[netns].links)


def _appears(namespace: Namespace, device: str) -> bool:
    """Whether a device is only about to be made."""
    link = namespace.links[device]
    return link.assumed or not link.index


def _obstacle(spec: SysctlSpec, found: Sysctl, namespace: Namespace) -> Optional[tuple[str, str]]:
    """Why a key cannot have the value wanted: the option that is wrong, and the reason."""
    name = key_name(spec.key)
    if not found.exists:
        example = namespace.sysctls.get(example_of(spec.key)) if device_of(spec.key) else None
        return "name", _missing(spec, found, example)
    if not found.readable:
        return "name", f"{name} can only be written, not read: it holds no value to declare"
    if found.value == spec.value:
        return None
    if found.read_only_mount:
        return "name", "/proc/sys is mounted read-only here; in a container, run it privileged"
    if not found.writable:
        return "name", f"{name} is read-only in {place(spec.netns)}; it is {found.value}"
    wrong = _unfit(spec, found.value or "")
    return ("value", f"{name} {wrong}") if wrong else None


def _unfit(spec: SysctlSpec, found: str) -> str:
    """What is wrong with a value for a key that holds numbers."""
    if not found or spec.key[-1] in FORMS or not _are_numbers(found):
        return ""
    if not spec.value:
        return f"needs a value; it is {found}"
    if not _are_numbers(spec.value):
        return f"holds numbers ({found}), which {spec.value!r} is not"
    count, given = len(found.split()), len(spec.value.split())
    return f"holds {count} number{'s' * (count > 1)} ({found}), not {given}" if count != given else ""


def _are_numbers(value: str) -> bool:
    return bool(re.fullmatch(r"-?\d+( -?\d+)*", value))


def _missing(spec: SysctlSpec, found: Sysctl, example: Optional[Sysctl]) -> str:
    """Why a key does not exist; `example` is the same key of another device."""
    name, tree = key_name(spec.key), spec.key[1]
    if found.on_host and spec.netns:
        return f"{name} is not kept per namespace: only the machine's initial namespace has it"
    if not found.tree_exists:
        reason = ABSENT_TREES.get(tree, f"nothing provides net.{tree} here (a kernel module that is not loaded)")
        return f"{name} does not exist: {reason}"
    if example is not None and example.exists:
        off = "; IPv6 needs an MTU of 1280" if tree == "ipv6" else ""
        return f"{name} does not exist, although other devices have it{off}"
    folder = "/".join(spec.key[:-1])
    if tree == "netfilter":
        other = ", or the module that provides it is not loaded"
    else:
        other = "" if device_of(spec.key) else ", or only the machine's initial namespace has it"
    return f"{name} does not exist here: it is misspelt{other} (ls /proc/sys/{folder})"


ABSENT_TREES = {
    "ipv6": "IPv6 is switched off (ipv6.disable=1)",
    "bridge": "module br_netfilter is not loaded",
    "netfilter": "module nf_conntrack is not loaded",
    "nf_conntrack_max": "module nf_conntrack is not loaded",
}


def inherited(state: State, subject: tuple[str, Key], unsteady: AbstractSet[tuple[str, Key]]) -> bool:
    """Whether a device that appears has a key's value by itself: from a steady `default`, or from the device."""
    netns, parts = subject
    sysctls = state.namespaces[netns].sysctls
    link = state.link(End(netns, device_of(parts) or ""))
    if link and not link.arp and parts[-1] == ACCEPT_DAD:
        # Where nobody would answer, the kernel looks for no duplicates.
        return sysctls[parts].value == "-1"
    # Only the machine's initial namespace shows what neighbours start with.
    defaults = (sysctls.get(key(parts)) for key in (default_of, example_of)) if device_of(parts) else ()
    default = next((found for found in defaults if found and found.exists), None)
    secret = sysctls.get((*parts[:-1], STABLE_SECRET))
    if secret and secret.value is not None and parts in written_through((*parts[:-1], STABLE_SECRET)):
        # It comes back as well, and would change this one.
        return False
    return parts[-1] in DERIVED or bool(
        default and default.value == sysctls[parts].value and (netns, default_of(parts)) not in unsteady
    )


def started(before: State, after: State, subject: tuple[str, Key]) -> Optional[dict[str, Any]]:
    """What a key of a namespace or of a device is at first that a plan makes, or moves; None where it is not known."""
    netns, parts = subject
    device = device_of(parts)
    end = End(netns, device or "")
    link = after.link(end)
    if link is not None and _is_ipv6_mtu(parts):
        return {"netns": netns or None, "name": key_name(parts), "value": str(link.mtu)} if link.mtu else None
    if link is not None and not (link.index and before.link(end)):
        # One that comes home has what it would have had, if it had never left.
        namespaces = before.namespaces if link.index else after.namespaces
        found = namespaces[netns].sysctls.get(default_of(parts)) if netns in namespaces else None
    else:
        found = None if device or netns in before.namespaces else before.fresh.sysctls.get(parts)
    if found is None or found.value is None:
        return None
    return {"netns": netns or None, "name": key_name(parts), "value": found.value}


def leads(subject: tuple[str, Key]) -> bool:
    """Whether the kernel changes others together with a key."""
    return bool(written_through(subject[1]))


def follows(subject: tuple[str, Key], others: Iterable[tuple[str, Key]]) -> bool:
    """Whether a key follows one of the others when that is written."""
    netns, parts = subject
    return any(
        netns == other_netns and fits(parts, pattern)
        for other_netns, other in others
        for pattern in written_through(other)
    )


def _regain(planner: Planner, specs: Sequence[SysctlSpec]) -> None:
    """Plans the MTUs for IPv6 that others have set, where devices are the same, or are put back."""
    meant = {spec.subject for spec in specs}
    for end, mtu in {**_set_by_others(planner), **_found_before(planner)}.items():
        link = planner.state.link(end)
        lost = link and link.ipv6_mtu and link.ipv6_mtu != mtu and mtu <= (link.mtu or 0)
        if lost and (end.netns, ipv6_mtu(end.name)) not in meant:
            planner.path = ""
            planner.do(
                KeepIpv6Mtu(end.netns, ipv6_mtu(end.name), str(mtu)), "it went with something else that is changed"
            )


def _set_by_others(planner: Planner) -> dict[End, int]:
    """Of the devices that were there before, and are still there."""
    found = {}
    for netns, before in planner.before.namespaces.items() if planner.steps else ():
        for link in before.links.values():
            now = planner.state.link(End(netns, link.name)) if link.own_ipv6_mtu else None
            if now and now.index == link.index:
                found[End(netns, link.name)] = link.ipv6_mtu
    return found


def _found_before(planner: Planner) -> dict[End, int]:
    """Of those that are put back, or that a run which was killed may have left without."""
    kept = {end: was.ipv6_mtu for end, was in planner.kept.items() if was.ipv6_mtu}
    specs = (spec for kind in ("bridge", "veth", "link") for spec in planner.specs.get(kind, ()) if not spec.absent)
    return {**kept, **{end: was.ipv6_mtu for spec in specs for end, was, dummy in spec.ends if was.ipv6_mtu}}


PLAN = {
    "settings": _settings,
    "device settings": _device_settings,
    "IPv6 MTUs": _ipv6_mtus,
    LOST: Together(_regain),
}
