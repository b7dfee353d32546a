# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps that make and remove sandbox hosts, where their namespaces are pinned, and their commands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from . import vanishing
from .netns import CreateNetns
from .state import HOST, End, Namespace, State
from .step import DELETE, Action, Step
from .veth_actions import CreateVeth

ROOT = "/run/nsfabric/sandboxes"
LAN = "lan"
# Inside: a /sys of the new network namespace, and folders for namespaces and ledgers of its own. Namespaces of
# the surrounding host would live on in here, so they are unmounted.
INSIDE = (
    "umount -alt nsfs",
    f"umount -l {ROOT}",
    "mount -t sysfs sysfs /sys",
    "mkdir -p /run/netns",
    "mount -t tmpfs -o mode=755 netns /run/netns",
    "mount --make-shared /run/netns",
    "mount -t tmpfs -o mode=700 nsfabric:$(stat -Lc %i /proc/self/ns/net) /run/nsfabric",
)


def folder(name: str) -> str:
    """Where a host's namespaces are pinned; the LAN's is hidden, for it is no host."""
    return f"{ROOT}/{'.lan' if name == LAN else name}"


def net_path(name: str) -> str:
    return f"{folder(name)}/net"


def mnt_path(name: str) -> str:
    return f"{folder(name)}/mnt"


def title(name: str) -> str:
    """A host in words."""
    return "the LAN of the sandbox hosts" if name == LAN else f"sandbox host {name}"


def report(step: Step) -> dict[str, Any]:
    """A step as a user reads it, with a command that enters the namespaces where they are."""
    return {**step.report(), "command": _command(step.action)}


def _command(action: Any) -> str:
    if isinstance(action, (CreateHost, RemoveHost, RemoveAll)):
        return action.command()
    if isinstance(action, CreateVeth):
        near, far = (End(net_path(end.netns), end.name) for end in (action.near, action.far))
        return replace(action, near=near, far=far).command()
    return f"nsenter --net={net_path(action.netns)} {replace(action, netns=HOST).command()}"


@dataclass(frozen=True)
class CreateHost(CreateNetns):
    """Pins a new network namespace, and for a host a mount namespace."""

    def what(self) -> str:
        return f"create {title(self.name)}"

    def command(self) -> str:
        net, mnt = net_path(self.name), mnt_path(self.name)
        if self.name == LAN:
            # One mount for all pins, shared: what is unmounted here vanishes from all other mount namespaces.
            mounted = f"mount --bind {ROOT} {ROOT} && mount --make-shared {ROOT}"
            root = f"mkdir -p {folder(LAN)} && {{ mountpoint -q {ROOT} || {{ {mounted}; }}; }}"
            return f"{root} && touch {net} && unshare --net={net} true"
        # A mount namespace can only be pinned on a private mount.
        private = f"mount --bind {mnt} {mnt} && mount --make-private {mnt}"
        unshare = f"unshare --net={net} --mount={mnt} --propagation slave sh -c '{'; '.join(INSIDE)}'"
        return f"mkdir {folder(self.name)} && touch {net} {mnt} && {private} && {unshare}"


@dataclass(frozen=True)
class RemoveHost(Action):
    """Takes a host's pins away, and waits until the far ends of its cables are gone."""

    name: str
    ports: tuple[str, ...] = ()
    change = DELETE

    @property
    def netns(self) -> str:  # type: ignore[override]
        return self.name

    def what(self) -> str:
        return f"remove {title(self.name)}"

    def command(self) -> str:
        if self.name == LAN:
            return f"umount -l {net_path(LAN)}; rm -r {folder(LAN)}"
        # The pin of a mount namespace stands on a mount of its own.
        mnt = mnt_path(self.name)
        return f"umount -l {net_path(self.name)} {mnt} {mnt}; rm -r {folder(self.name)}"

    def effect(self, state: State) -> None:
        state.namespaces.pop(self.name, None)
        vanishing.links(state.namespaces.get(LAN, Namespace()), set(self.ports))


@dataclass(frozen=True)
class RemoveAll(Action):
    """Takes away the mount that held the pins."""

    netns: str = HOST
    change = DELETE

    def what(self) -> str:
        return f"remove {ROOT}"

    def command(self) -> str:
        return f"umount -l {ROOT}; rm -r {ROOT}"

    def effect(self, state: State) -> None:
        pass
