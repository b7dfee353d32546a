# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The topology_info module: what the kernel holds, of topologies or of all there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import _archive, _ledger
from ._glue import guarded, read, refuse
from ._kernel.observe import observe
from ._kernel.session import Session
from ._model import document as documents
from ._model import link_local
from ._model.claims import claims
from ._model.ledger import Ledger
from ._model.planner import stale_file
from ._model.problems import Problems
from ._model.scope import Scope
from ._model.state import HOST, State
from ._module import Module
from ._transaction import Refused

# The first import, for its effect on those after it.
__all__ = ["_archive"]

OPTIONS: dict[str, Any] = {
    "names": {"type": "list", "elements": "str"},
    "namespaces": {"type": "list", "elements": "str"},
}


def run_topology_info() -> None:
    """The whole of the topology_info module."""
    module = Module(OPTIONS)
    if module.problems:
        refuse(module, module.problems)

    def work(session: Session) -> dict[str, Any]:
        host = _ledger.this_host(session.host_inode())
        recorded = [found for found in (_ledger.load(name, host) for name in _ledger.names()) if found]
        if module.params["names"] is not None:
            recorded = _named(module, recorded)
            config = _recorded(module, session, recorded)
        else:
            config = _live(module, session, recorded)
        topologies = [{"name": ledger.name, "complete": ledger.complete} for ledger in recorded]
        return {"config": config, "topologies": topologies}

    module.exit_json(changed=False, **guarded(module, "topology_info", work, writes=False))


def _named(module: Module, recorded: Sequence[Ledger]) -> list[Ledger]:
    """The topologies that are asked for; in check mode an earlier task of the play may be the one that makes them."""
    names = module.params["names"]
    missing = sorted(set(names) - {ledger.name for ledger in recorded})
    if missing and not module.check_mode:
        module.fail_json(msg=f"no topology on this host is named {', '.join(missing)}")
    for name in missing:
        module.warn(f"topology {name} does not exist yet; it is left out in check mode")
    return [ledger for ledger in recorded if ledger.name in names]


def _recorded(module: Module, session: Session, recorded: Sequence[Ledger]) -> dict[str, Any]:
    """What the kernel holds of the topologies' own documents."""
    config: dict[str, Any] = {}
    for ledger in recorded:
        document = read(module, ledger.config)
        state = observe(session, document.scope())
        for kind, entries in link_local.held(state, document).items():
            config.setdefault(kind, []).extend(entry for entry in entries if entry not in config.get(kind, []))
    return config


def _live(module: Module, session: Session, recorded: Sequence[Ledger]) -> dict[str, Any]:
    """Everything there is, in all namespaces or in some of them."""
    namespaces = module.params["namespaces"]
    scope = Scope()
    for name in session.named() if namespaces is None else namespaces:
        scope.every_end(name)
    scope.every_end(HOST)
    for needs in scope.namespaces.values():
        needs.firewall = True
    for netns, key in _recorded_sysctls(recorded):
        if netns in scope.namespaces:
            scope.namespace(netns).sysctls.add(key)
    state = observe(session, scope)
    missing = _missing(module, scope, state)
    for ledger in recorded:
        state = link_local.counted(state, documents.read(ledger.config, Problems()))
    return documents.describe(state, None if namespaces is None else {HOST, *namespaces} - missing)


def _missing(module: Module, scope: Scope, state: State) -> set[str]:
    """The namespaces to do without: in check mode an earlier task of the play may be the one that makes them."""
    missing = [name for name in scope.namespaces if name not in state.namespaces]
    unknown = [name for name in missing if name not in state.stale]
    problems = Problems()
    for name in missing:
        if name in state.stale:
            problems.add("namespaces", stale_file(name))
    if unknown and not module.check_mode:
        problems.add("namespaces", f"there is no namespace {', '.join(unknown)}")
    if problems:
        raise Refused(problems)
    for name in unknown:
        module.warn(f"namespace {name} does not exist yet; it is left out in check mode")
    return set(missing)


def _recorded_sysctls(recorded: Sequence[Ledger]) -> set[Any]:
    """A kernel has a thousand sysctls; those that a topology declares are told."""
    configs = [{"netns_sysctl": ledger.config.get("netns_sysctl", ())} for ledger in recorded]
    return {subject for config in configs for dummy, subject in claims(config)}
