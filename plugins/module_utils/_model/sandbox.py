# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sandbox hosts: which there are, which there are to be, and the steps in between."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any, Optional

from . import document as documents
from . import values
from .document import Document, Plan
from .link import DeleteLink
from .netns import CreateNetns
from .problems import Problems, Reader
from .sandbox_actions import LAN, CreateHost, RemoveAll, RemoveHost
from .sandbox_lan import ANSWERS, FIRST, OUTSIDE, PORT, ROUTER, SUBNET, SUBNET6, Lan, config
from .scope import Scope
from .state import State
from .step import Step
from .veth_actions import CreateVeth

NAME = "sandbox"
MOST_PORTS = 1023
# No host can have this name.
NOWHERE = ".new"
SMALLEST, SMALLEST6 = 27, 112
OPTIONS: dict[str, Any] = {
    "names": {"type": "list", "elements": "str", "required": True, "aliases": ["name"]},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "subnet": {"type": "str"},
    "subnet6": {"type": "str"},
}


@dataclass(frozen=True)
class Wanted:
    """The task as declared; None for a subnet that was not given, "" for no IPv6."""

    names: tuple[str, ...]
    absent: bool
    subnet: Optional[str]
    subnet6: Optional[str]


@dataclass(frozen=True)
class Found:
    """What there is: the record, the folders ("lan" among them), and those whose namespaces are alive."""

    lan: Optional[Lan] = None
    folders: AbstractSet[str] = frozenset()
    live: AbstractSet[str] = frozenset()
    exists: bool = False
    ipv6: bool = True


@dataclass(frozen=True)
class Work:
    """What is to be done: `kept` is the LAN while it is being done, `lan` the LAN afterwards."""

    removals: tuple[Step, ...] = ()
    document: Document = field(default_factory=lambda: documents.read({}, Problems()))
    kept: Optional[Lan] = None
    lan: Optional[Lan] = None


def read(reader: Reader) -> Wanted:
    names = reader.each("names", host_name) or ()
    if not reader.options.get("names"):
        reader.wrong("names", "name at least one sandbox host")
    return Wanted(
        names, reader.get("state") == "absent", reader.get("subnet", _subnet), reader.get("subnet6", _subnet6)
    )


def host_name(value: str) -> str:
    """A sandbox host's name: it is a folder's, and a word in commands."""
    if value in (LAN, OUTSIDE):
        raise ValueError(f"{value!r} is the name of a part of the LAN that all sandbox hosts share; choose another")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", value):
        raise ValueError(f"{value!r} is not a sandbox host's name: letters, digits, '-' and '_', at most 40")
    return value


def _subnet(value: str) -> str:
    return _network(value, 4, SMALLEST)


def _subnet6(value: str) -> str:
    return _network(value, 6, SMALLEST6) if value else ""


def _network(value: str, family: int, smallest: int) -> str:
    text = values.network(value)
    network = ipaddress.ip_network(text)
    if network.version != family:
        raise ValueError(f"{value!r} is not an IPv{family} subnet")
    if network.prefixlen > smallest:
        raise ValueError(f"{value!r} is too small for a LAN: a prefix length of at most {smallest} is right")
    if network.is_multicast or network.is_loopback or network.is_link_local or network.is_unspecified:
        raise ValueError(f"{value!r} is not a subnet that hosts can have addresses of")
    for answer in map(ipaddress.ip_network, ANSWERS):
        if answer.version == family and answer.overlaps(network):
            raise ValueError(f"{value!r} holds {answer.network_address}, which the host behind the LAN answers for")
    return text


def first_scope() -> Scope:
    """What has to be read before it is known what is to be done: the ports of the LAN."""
    wanted = Scope()
    wanted.namespace(LAN)
    return wanted


def scope(wanted: Work) -> Scope:
    """What has to be read to plan it: for a host that is made anew, what a new namespace starts as."""
    whole = wanted.document.scope()
    keys = {key for needs in whole.namespaces.values() for key in needs.sysctls}
    whole.namespace(NOWHERE).sysctls.update(keys)
    return whole


def work(wanted: Wanted, found: Found, state: State, problems: Problems) -> Work:
    """What has to go, and the document of what has to come."""
    recorded = found.lan or Lan()
    finished = {name for name in recorded.numbers if name in found.live and name != OUTSIDE}
    staying = finished - set(wanted.names) if wanted.absent else finished
    keep = set(staying)
    if staying:
        keep |= {name for name in (LAN, OUTSIDE) if name in found.live and name in (LAN, *recorded.numbers)}
    ports = _ports(state)
    removals = _removals(wanted, found, recorded, keep, ports)
    kept = recorded.only(keep) if found.lan else None
    if wanted.absent:
        if not staying and found.exists:
            removals.append(_removal(RemoveAll(), "no sandbox host is left"))
        return Work(tuple(removals), kept=kept if staying else None, lan=recorded.only(keep) if staying else None)
    lan = _subnets(wanted, found, recorded, staying, problems).only(keep)
    lan = replace(lan, numbers=_numbers(wanted, lan, ports if LAN in keep else {}, problems))
    if problems:
        return Work()
    document = documents.read(config(lan, wanted.names, keep, ports if LAN in keep else {}), problems, root="")
    return Work(tuple(removals), document, kept, lan)


def _ports(state: State) -> dict[int, str]:
    """The host ends of the cables that there are, by their numbers."""
    lan = state.namespaces.get(LAN)
    names = lan.links if lan else ()
    return {int(name[len(PORT) :]): name for name in names if re.fullmatch(rf"{PORT}\d+", name)}


def _removals(wanted: Wanted, found: Found, lan: Lan, keep: AbstractSet[str], ports: Mapping[int, str]) -> list[Step]:
    """Every folder that does not stay: hosts that are not wanted, and what is not whole."""
    own = {lan.numbers[name] for name in keep & set(lan.numbers)}
    loose = tuple(name for number, name in ports.items() if number not in own | set(lan.numbers.values()))
    steps = []
    # The LAN last: the far ends of the hosts' cables are in it.
    for name in sorted(found.folders - keep, key=lambda name: (name == LAN, name == OUTSIDE, name)):
        number = lan.numbers.get(name)
        waiting = loose if number is None else (ports[number],) if number in ports else ()
        steps.append(_removal(RemoveHost(name, waiting), _why(wanted, found, lan, name)))
    return steps


def _removal(action: Any, why: str) -> Step:
    return Step("remove namespaces", NAME, "", action, why)


def _why(wanted: Wanted, found: Found, lan: Lan, name: str) -> str:
    if wanted.absent and name in wanted.names:
        return "it is not wanted"
    if name not in found.live:
        return "its namespaces are gone"
    return "no sandbox host is left" if name == LAN or name in lan.numbers else "a run that made it was interrupted"


def _subnets(wanted: Wanted, found: Found, lan: Lan, staying: AbstractSet[str], problems: Problems) -> Lan:
    """The LAN's subnets: those it has, or while it has no hosts those that are wanted."""
    if not staying:
        subnet6 = (SUBNET6 if found.ipv6 else "") if wanted.subnet6 is None else wanted.subnet6
        if subnet6 and not found.ipv6:
            problems.add("subnet6", "IPv6 is switched off on this machine (ipv6.disable=1)")
        return Lan(wanted.subnet or SUBNET, subnet6)
    for option, now in (("subnet", lan.subnet), ("subnet6", lan.subnet6)):
        given = getattr(wanted, option)
        if given is not None and given != now:
            names = ", ".join(sorted(staying)[:8]) + (", ..." if len(staying) > 8 else "")
            problems.add(option, f"the LAN is {now or 'without IPv6'}; remove its sandbox hosts first: {names}")
    return lan


def _numbers(wanted: Wanted, lan: Lan, ports: Mapping[int, str], problems: Problems) -> dict[str, int]:
    """Hosts keep their numbers; a new one gets the first that is free."""
    numbers = {OUTSIDE: ROUTER, **lan.numbers}
    taken = {*ports, *numbers.values()}
    last = min(ipaddress.ip_network(lan.subnet).num_addresses - 2, MOST_PORTS)
    free = (number for number in range(FIRST, last + 1) if number not in taken)
    for name in wanted.names:
        if name not in numbers:
            number = next(free, None)
            if number is None:
                problems.add("names", f"the LAN {lan.subnet} has room for {last + 1 - FIRST} sandbox hosts")
                break
            numbers[name] = number
    return numbers


def plan(wanted: Work, state: State, problems: Problems) -> Plan:
    """Every step: the removals, then the document's, whose namespaces are made as hosts."""
    before = replace(state.copy(), stale=frozenset())
    for step in wanted.removals:
        step.action.effect(before)
    planned = documents.plan(wanted.document, before, problems)
    return replace(planned, steps=(*wanted.removals, *map(_as_host, planned.steps)))


def _as_host(step: Step) -> Step:
    if not isinstance(step.action, CreateNetns):
        return step
    why = "the sandbox hosts need a LAN" if step.action.name == LAN else "the sandbox host does not exist"
    return replace(step, kind=NAME, action=CreateHost(step.action.name), why=why)


def removal(wanted: Work, name: str) -> RemoveHost:
    """Undoes what was made of a host."""
    numbers = wanted.lan.numbers if wanted.lan else {}
    return RemoveHost(name, (f"{PORT}{numbers[name]}",) if name in numbers else ())


def cuts(planned: Plan, created: Sequence[str]) -> list[Any]:
    """Undoes the cables to hosts that were there before."""
    cables = [step.action for step in planned.steps if isinstance(step.action, CreateVeth)]
    loose = [cable for cable in cables if cable.far.netns not in created]
    return [Step("remove links", "veth", "", DeleteLink(LAN, cable.near.name, cable.far), "") for cable in loose]


def shown(lan: Optional[Lan], names: Sequence[str], unplugged: AbstractSet[str] = frozenset()) -> dict[str, Any]:
    """The LAN and some hosts in the user's vocabulary; without an address those whose cable is gone."""
    if lan is None:
        return {"lan": None, "sandboxes": []}
    hosts = []
    for name in names:
        number = lan.numbers[name]
        plugged = name not in unplugged
        addresses = (lan.address(number), lan.address6(number) or None) if plugged else (None, None)
        hosts.append({"name": name, "address": addresses[0], "address6": addresses[1]})
    gateways = {"gateway": lan.address(ROUTER), "gateway6": lan.address6(ROUTER) or None}
    return {"lan": {"subnet": lan.subnet, "subnet6": lan.subnet6 or None, **gateways}, "sandboxes": hosts}


def unplugged(lan: Optional[Lan], state: State) -> frozenset[str]:
    """The hosts that have no cable."""
    ports = _ports(state)
    return frozenset(name for name, number in lan.numbers.items() if number not in ports) if lan else frozenset()
