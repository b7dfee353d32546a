# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Small hosts to plan against, for the tests of links."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional

from ansible_collections.nsfabric.linux.plugins.module_utils import _validate
from ansible_collections.nsfabric.linux.plugins.module_utils._model import document as documents
from ansible_collections.nsfabric.linux.plugins.module_utils._model.document import Plan
from ansible_collections.nsfabric.linux.plugins.module_utils._model.problems import Problems
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import (
    HOST,
    Address,
    End,
    Link,
    Namespace,
    State,
    loopback,
)


def device(name: str, *addresses: str, kind: str = "veth", peer: Optional[End] = None, **attributes: Any) -> Link:
    """A device that is there and up."""
    made = Link(name, kind, 7, "02:00:00:00:00:01", 1500, 68, 65535, 1000, True, peer=peer)
    return replace(made, addresses=tuple(map(Address, addresses)), **attributes)


def cable(near: End, far: End) -> dict[End, Link]:
    return {near: device(near.name, peer=far), far: device(far.name, peer=near)}


def state(*namespaces: str, links: Optional[dict[End, Link]] = None, **others: Any) -> State:
    """A host with namespaces and devices."""
    made = State(features=frozenset(("veth", "bridge")), salt="salt", **others)
    for number, name in enumerate((HOST, *namespaces), 1):
        made.namespaces[name] = Namespace(inode=number, links={"lo": replace(loopback(), up=True)})
    for end, link in (links or {}).items():
        made.namespaces[end.netns].links[end.name] = link
    return made


def planned(host: State, **config: Any) -> Plan:
    """The way to a document that can be reached, which is converged at its end."""
    problems = Problems()
    document = documents.read(_validate.config(config, problems), problems)
    way = documents.plan(document, host, problems)
    assert not problems, problems.found
    assert documents.plan(document, way.after, Problems()).steps == ()
    return way


def commands(host: State, **config: Any) -> list[str]:
    return [step.action.command() for step in planned(host, **config).steps]


def problems(host: Optional[State] = None, **config: Any) -> list[str]:
    """What is wrong with a document."""
    found = Problems()
    document = documents.read(_validate.config(config, found), found)
    if not found:
        documents.plan(document, host or state(), found)
    return [str(problem) for problem in found.found]


def exchanged() -> Plan:
    """From the cables a -- b and c -- d to a -- c and b -- d."""
    here = state(links={**cable(End(HOST, "a"), End(HOST, "b")), **cable(End(HOST, "c"), End(HOST, "d"))})
    gone = [{"name": near, "peer": {"name": far}, "state": "absent"} for near, far in ("ab", "cd")]
    wanted = [{"name": near, "peer": {"name": far}} for near, far in ("ac", "bd")]
    found = Problems()
    document = documents.merged(documents.read({"veth": wanted}, found), documents.read({"veth": gone}, found))
    way = documents.plan(document, here, found)
    assert not found, found.found
    return way
