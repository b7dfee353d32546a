# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Between AnsibleModule and the rest: check mode, diff mode, missing libraries, locking, the result's shape."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, NoReturn, Optional

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from . import _ledger, _lock, _validate
from ._errors import KernelError
from ._kernel import netlink, privilege
from ._kernel.observe import observe
from ._kernel.session import Session, named
from ._model import document as documents
from ._model.document import Config, Document, Plan
from ._model.problems import Problems
from ._model.registry import KINDS
from ._model.scope import Scope
from ._model.state import HOST, State
from ._transaction import Failed, Interrupted, Refused, carry_out, plan

TOPOLOGY_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}"
TOPOLOGY_OPTIONS: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "config": {"type": "dict"},
    "purge": {"type": "bool", "default": True},
}
TOPOLOGY_INFO_OPTIONS: dict[str, Any] = {
    "names": {"type": "list", "elements": "str"},
    "namespaces": {"type": "list", "elements": "str"},
}


def run_resource(name: str) -> None:
    """The whole of a resource module: one entry of one kind."""
    kind = KINDS[name]
    module = AnsibleModule(argument_spec=kind.OPTIONS, supports_check_mode=True, **_validate.constraints(kind))
    document = _read(module, {name: [module.params]}, root="")
    spec = document.specs[name][0]
    planned = _guarded(module, f"module {name}", lambda session: _converge(module, session, document))
    _warn(module, planned)
    shown = documents.difference(document, planned)
    before, after = (shown[side].get(name, [{}]) or [{}] for side in ("before", "after"))
    module.exit_json(
        changed=bool(planned.steps),
        diff={"before": before[0], "after": after[0]},
        steps=[step.report() for step in planned.steps],
        **{name: kind.view(planned.result, kind.locate(planned.result, spec))},
    )


def _warn(module: AnsibleModule, planned: Plan) -> None:
    for warning in planned.warnings:
        module.warn(warning)


def _converge(module: AnsibleModule, session: Session, document: Document) -> Plan:
    planned = plan(session, document, assume=module.check_mode)
    if module.check_mode or not planned.steps:
        return planned
    return carry_out(session, document, planned)


def run_topology() -> None:
    """The whole of the topology module."""
    module = AnsibleModule(
        argument_spec=TOPOLOGY_OPTIONS, supports_check_mode=True, required_if=[("state", "present", ("config",))]
    )
    name, absent = module.params["name"], module.params["state"] == "absent"
    problems = Problems()
    if not re.fullmatch(TOPOLOGY_NAME, name):
        problems.add("name", f"{name!r} is not a topology's name: letters, digits, '_', '-' and '.', at most 63")
    config = {} if absent else _validate.config(module.params["config"], problems)
    document = documents.read(config, problems)
    if problems:
        _refuse(module, problems)

    def work(session: Session) -> tuple[Document, Plan]:
        return _converge_topology(module, session, name, config, document)

    document, planned = _guarded(module, f"topology {name}", work)
    _warn(module, planned)
    module.exit_json(
        changed=bool(planned.steps),
        diff=documents.difference(document, planned),
        steps=[step.report() for step in planned.steps],
        topology=None if absent else {"name": name, "config": _held(planned.result, document)},
    )


def _converge_topology(
    module: AnsibleModule, session: Session, name: str, config: Config, document: Document
) -> tuple[Document, Plan]:
    """Plans the document together with the restoration of what the topology no longer declares."""
    host = _ledger.this_host(session.host_inode())
    ledger = _ledger.load(name, host)
    known = ledger or _ledger.Ledger(name, host)
    absent = module.params["state"] == "absent"
    leaving = known.objects if absent else known.left_by(config) if module.params["purge"] else []
    if not (absent or module.params["purge"]):
        config = known.union(config)
    problems = Problems()
    leaving, warnings = _still_ours(session, known, leaving)
    undo = documents.read(documents.restoration(leaving), problems, "undo")
    if problems:
        raise Refused(problems)
    whole = documents.merged(document, undo)
    former = documents.read(known.config, Problems())
    planned = plan(session, whole, assume=module.check_mode, beside=former)
    planned = replace(planned, warnings=(*warnings, *planned.warnings))
    if module.check_mode:
        return whole, planned
    if planned.steps:
        fresh = _ledger.Ledger(name, host, dict(config), list(known.objects), dict(known.identities))
        fresh.add(planned, config, documents.plan(undo, planned.before, Problems()))
        planned = _carry_out(session, whole, planned, ledger, fresh)
        known = fresh
    if absent:
        _ledger.forget(name)
    elif planned.steps or ledger is None or not ledger.complete or ledger.config != config:
        known.settle(config, leaving, planned.result)
        _ledger.save(known)
    return whole, planned


def _carry_out(
    session: Session, document: Document, planned: Plan, before: Optional[_ledger.Ledger], fresh: _ledger.Ledger
) -> Plan:
    """Writes the ledger first; when the host was put back, so is the ledger."""
    try:
        return carry_out(session, document, planned, begin=lambda: _ledger.save(fresh))
    except Failed as error:
        if error.restored:
            if before is None:
                _ledger.forget(fresh.name)
            else:
                _ledger.save(before)
        raise


def _still_ours(session: Session, known: _ledger.Ledger, leaving: Sequence[Any]) -> tuple[list[Any], list[str]]:
    """Leaves out what was replaced behind our back, with a warning about each."""
    scope = Scope()
    for item in leaving:
        scope.namespace(item.absent.get("netns") or (item.absent["name"] if item.kind == "netns" else HOST))
    state = observe(session, scope)
    ours, warnings = [], []
    for item in leaving:
        if known.replaced(item, state):
            what = " ".join(str(value) for key, value in item.absent.items() if key != "state")
            warnings.append(f"{item.kind} {what} is not the one this topology made any more; it is left alone")
        else:
            ours.append(item)
    return ours, warnings


def _held(state: State, document: Document) -> dict[str, list[dict[str, Any]]]:
    """What the kernel holds of a document."""
    config: dict[str, list[dict[str, Any]]] = {}
    for name, spec in document:
        if not spec.absent:
            shown = KINDS[name].view(state, KINDS[name].locate(state, spec))
            config.setdefault(name, []).extend([documents.declared(shown)] if shown else [])
    return config


def run_topology_info() -> None:
    """The whole of the topology_info module."""
    module = AnsibleModule(argument_spec=TOPOLOGY_INFO_OPTIONS, supports_check_mode=True)

    def work(session: Session) -> dict[str, Any]:
        host = _ledger.this_host(session.host_inode())
        recorded = [found for found in (_ledger.load(name, host) for name in _ledger.names()) if found]
        missing = set(module.params["names"] or ()) - {ledger.name for ledger in recorded}
        if missing:
            module.fail_json(msg=f"no topology on this host is named {', '.join(sorted(missing))}")
        if module.params["names"] is not None:
            recorded = [ledger for ledger in recorded if ledger.name in module.params["names"]]
            config = _recorded(module, session, recorded)
        else:
            config = _live(session, module.params["namespaces"], recorded)
        topologies = [{"name": ledger.name, "complete": ledger.complete} for ledger in recorded]
        return {"config": config, "topologies": topologies}

    module.exit_json(changed=False, **_guarded(module, "topology_info", work, writes=False))


def _recorded(module: AnsibleModule, session: Session, recorded: Sequence[_ledger.Ledger]) -> dict[str, Any]:
    """What the kernel holds of the topologies' own documents."""
    config: dict[str, Any] = {}
    for ledger in recorded:
        document = _read(module, ledger.config)
        state = observe(session, document.scope())
        for kind, entries in _held(state, document).items():
            config.setdefault(kind, []).extend(entry for entry in entries if entry not in config.get(kind, []))
    return config


def _live(session: Session, namespaces: Optional[Sequence[str]], recorded: Sequence[_ledger.Ledger]) -> dict[str, Any]:
    """Everything there is, in all namespaces or in some of them."""
    scope = Scope()
    for name in named() if namespaces is None else namespaces:
        scope.every_end(name)
    scope.every_end(HOST)
    for needs in scope.namespaces.values():
        needs.firewall = True
    for netns, key in _recorded_sysctls(recorded):
        if netns in scope.namespaces:
            scope.namespace(netns).sysctls.add(key)
    state = observe(session, scope)
    missing = [name for name in scope.namespaces if name not in state.namespaces]
    if missing:
        problems = Problems()
        problems.add("namespaces", f"there is no namespace {', '.join(missing)}")
        raise Refused(problems)
    return documents.describe(state, None if namespaces is None else [HOST, *namespaces])


def _recorded_sysctls(recorded: Sequence[_ledger.Ledger]) -> set[Any]:
    """A kernel has a thousand sysctls; those that a topology declares are told."""
    configs = [{"netns_sysctl": ledger.config.get("netns_sysctl", ())} for ledger in recorded]
    return {subject for config in configs for _, subject in _ledger.claims(config)}


def _read(module: AnsibleModule, config: Config, root: str = "config") -> Document:
    problems = Problems()
    document = documents.read(config, problems, root)
    if problems:
        _refuse(module, problems)
    return document


def _guarded(module: AnsibleModule, purpose: str, work: Any, writes: bool = True) -> Any:
    """Runs the work on a session, under the lock where it may write; every error becomes a failed task."""
    if netlink.IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("pyroute2 >= 0.7"), exception=netlink.IMPORT_ERROR)
    lacking = privilege.missing()
    if lacking:
        module.fail_json(msg=f"this needs {' and '.join(lacking)}, which the process does not have; run it as root")
    changes = writes and not module.check_mode
    try:
        with _lock.lock(purpose) if changes else nullcontext(), Session() as session:
            return work(session)
    except Refused as error:
        _refuse(module, error.problems)
    except _lock.Busy as error:
        module.fail_json(msg=str(error))
    except (KernelError, Failed, Interrupted, OSError) as error:
        module.fail_json(msg=str(error))


def _refuse(module: AnsibleModule, problems: Problems) -> NoReturn:
    found: list[Mapping[str, str]] = [{"path": problem.path, "message": problem.message} for problem in problems.found]
    lines = [str(problem) for problem in problems.found]
    text = lines[0] if len(lines) == 1 else f"{len(lines)} problems, nothing was changed:\n- " + "\n- ".join(lines)
    module.fail_json(msg=text, problems=found)
