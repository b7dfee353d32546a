# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run of the topology module: a document as one transaction, with a ledger of what it made and found."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import replace
from typing import Optional

from . import _ledger
from ._errors import KernelError
from ._kernel.netns import clear
from ._kernel.observe import observe
from ._kernel.peers import Peers
from ._kernel.session import Session
from ._model import defaults, link_local, rivals
from ._model import document as documents
from ._model import sealed as seals
from ._model.claims import claims_in, claims_of, places_of, removed_by
from ._model.document import Config, Document, Plan
from ._model.followers import followers
from ._model.following import keep_own_mtus
from ._model.found import lost
from ._model.grounds import itself, perishing, stands_on, told
from ._model.ledger import Ledger, back_in_bridges
from ._model.planner import UNDO
from ._model.problems import Problem, Problems
from ._model.registry import KINDS
from ._model.renamed import cable_now
from ._model.restoration import felt_above, restoration, without
from ._model.said import divided, released
from ._model.scope import Scope
from ._model.sharing import shared
from ._model.state import End, State
from ._model.touched import DEVICES, Touched, devices_made, namespaces_made
from ._model.whose import spared
from ._module import Module
from ._transaction import Failed, Refused, carry_out

BEFORE = "what was found before"
HINT = "Clear its way back, or take it out of that namespace by hand; nothing was changed"


class Run:
    """One call: the document, together with the restoration of what the topology no longer declares."""

    def __init__(self, module: Module, config: Config, document: Document) -> None:
        self.name: str = module.params["name"]
        self.absent = module.params["state"] == "absent"
        self.purge = self.absent or module.params["purge"]
        self.check: bool = module.check_mode
        self.config, self.document, self.whole = config, document, document
        self.declared = claims_in(document)
        self.owed: list[Touched] = []
        self.unreadable: list[KernelError] = []
        self.heirs: dict[str, Ledger] = {}
        self.above: set[str] = set()
        self.warnings: list[str] = []
        self.strangers: set[End] = set()
        self.taken: list[Touched] = []
        self.renamed = False

    def converge(self, session: Session) -> Plan:
        host = _ledger.this_host(session.host_inode())
        before = _ledger.load(self.name, host)
        before = self._on_its_grounds(session, before) if before else None
        known = before or Ledger(self.name, host)
        self.others = self._others(host)
        self.document = self.whole = known.hinted(self.document, self.purge)
        self.home = known.coming_home(self.document) if self.purge else []
        config = self.config if self.purge else known.union(self.config)
        self.lost, self.chosen = lost(known.objects), link_local.chosen(known.objects)
        self.settled = known.complete and known.config == config and not self.renamed
        purges = self.purge and not (self.absent or self.settled)
        self.released = released(known.objects, known.config, self.document) if purges else []
        leaving, undo, planned = self._decide(session, known)
        state = planned.before
        if self.check or (self.settled and not planned.steps and not self.absent):
            return planned
        clear(session, self.leftover)
        for heir in self.heirs.values():
            _ledger.save(heir)
        ours = [item for item in known.objects if item not in self.taken]
        known = Ledger(self.name, host, dict(config), ours, dict(known.identities), dict(known.grounds))
        if not self.absent:
            cleared = without(leaving, state)
            known.own(self.document, cleared)
            if planned.steps:
                known.add(planned, self.document, documents.plan(undo, state, Problems()), cleared)
        if planned.steps:
            known.pass_by(planned)
            if known.identities or known.grounds:
                known.doubt(leaving if self.absent else known.touched(planned))
            planned = self._carry_out(session, planned, before, known)
        if self.absent:
            _ledger.forget(self.name)
        else:
            # Where all of it stood already, nothing was to go.
            forgets = self.purge and not self.settled
            kept = self.declared.union(*(item.claims for item in self.owed)) if forgets else None
            known.settle(config, kept, planned.result, claims_in(undo), removed_by(self.document))
            _ledger.save(known, f"topology {self.name} stands as it is declared, but is not noted to be complete; ")
        return planned

    def _on_its_grounds(self, session: Session, known: Ledger) -> Ledger:
        """Without what others have replaced; what this run would have to give it back is told."""
        known, elsewhere = known.in_namespaces_now(self.declared, session.number, session.named)
        for old, new in elsewhere:
            self.warnings.append(f"namespace {old} that this topology made is called {new} now; it is left alone")
        former = known.grounds.keys()
        known, lost = known.without_strangers(session.ground, session.device)
        # Another device may have the former name of one that was found.
        self.renamed = known.grounds.keys() != former
        left = [ground for item, ground in lost if self.absent or (self.purge and not item.claims & self.declared)]
        self.strangers = set(left)
        for ground in dict.fromkeys(left):
            self.warnings.append(f"{told(ground)} is not the one that was found; what was changed of it is left alone")
        return known

    def _decide(self, session: Session, known: Ledger) -> tuple[list[Touched], Document, Plan]:
        """What goes, as it is and as a document, and the whole plan; raises `Refused`.

        Where all of it stood already, it is looked first whether anything is to do: that reads half as much. Where
        cables of this topology stand in each other's way, they are made anew.
        """
        candidates = self._candidates(known)
        self.sealed = self._sealed(session, known, candidates)
        if self.settled and not candidates:
            with suppress(Refused):
                leaving, undo, planned = self._decide_of(session, known, (), losses=False)
                if not planned.steps:
                    return leaving, undo, planned
        try:
            return self._decide_of(session, known, candidates)
        except Refused:
            displaced = [] if self.absent else known.displaced(self.document)
            with suppress(Refused):
                if displaced:
                    return self._decide_of(session, known, candidates, displaced)
            raise

    def _decide_of(
        self,
        session: Session,
        known: Ledger,
        candidates: Sequence[Touched],
        displaced: Sequence[Touched] = (),
        losses: bool = True,
    ) -> tuple[list[Touched], Document, Plan]:
        while True:
            scope, state = self._look(session, known, [*candidates, *displaced], losses)
            warnings: list[str] = []
            leaving = self._going(known, candidates, displaced, state, warnings)
            undo, planned = self._plan(known, leaving, state, warnings)
            _check_found(known, planned, warnings)
            above = Peers(session, {}).above(state, felt_above(planned)) if losses else set()
            if not above:
                break
            # What stands there on a device that is changed is changed with it, and is to come back.
            self.above |= above
        self.owed += known.missing(leaving, claims_in(undo), planned.after)
        self._bequeath(known)
        self._check_others(planned, scope, warnings)
        warnings.extend([*self.warnings, *map(str, self.unreadable)])
        return leaving, undo, replace(planned, warnings=(*warnings, *planned.warnings))

    def _look(
        self, session: Session, known: Ledger, candidates: Sequence[Touched], losses: bool
    ) -> tuple[Scope, State]:
        """What is read for it, and the host as it is."""
        scope = self._scope(known, candidates, self.sealed, losses)
        state = observe(session, scope)
        if self.sealed and seals.leads_astray(candidates, state):
            # Somebody has moved its other end: it is looked for.
            self.sealed = frozenset()
            scope = self._scope(known, candidates, self.sealed, losses)
            state = observe(session, scope)
        keep_own_mtus(state, known.with_mtu())
        # What a killed run left of namespaces without a name is out of the way when this one begins.
        self.leftover = state.stale & namespaces_made(known.objects)
        return scope, replace(state, stale=state.stale - self.leftover)

    def _going(
        self,
        known: Ledger,
        candidates: Sequence[Touched],
        displaced: Sequence[Touched],
        state: State,
        warnings: list[str],
    ) -> list[Touched]:
        """What goes, or is put back, now; what cannot be yet stays owed."""
        strangers = known.strangers(state) if candidates else set()
        leaving, replaced = self._leaving(known, candidates, state, strangers)
        more = [item for item in displaced if item not in leaving and not known.replaced(item, state)]
        leaving = self._handed_over([*leaving, *more], known)
        leaving, self.taken, spared_ones = spared(leaving, state, self.strangers | strangers)
        warnings.extend([*replaced, *spared_ones])
        for end, netns in known.dragged_along(leaving, state):
            warnings.append(f"{end} goes with namespace {netns}, though this topology did not make it")
        for end, lower in known.carried(leaving, state):
            warnings.append(f"{end} goes with {lower}, which it stands on, though this topology did not make it")
        elsewhere = [item for item in leaving if item.is_gone(state)]
        self.owed = [*elsewhere, *known.waiting(leaving, self.document, state)]
        return [item for item in leaving if item not in self.owed]

    def _candidates(self, known: Ledger) -> list[Touched]:
        """What may have to go, as far as the ledger tells."""
        if self.absent:
            return known.objects
        if self.settled and not self.home:
            return []
        gone = known.left_by(self.declared) + self.released if self.purge else []
        gone += [item for item in known.objects if item.passes]
        return gone + followers(known.objects, known.config, gone + self.home, self.declared)

    def _scope(
        self,
        known: Ledger,
        candidates: Sequence[Touched],
        sealed: AbstractSet[str] = frozenset(),
        losses: bool = True,
    ) -> Scope:
        """What has to be read to plan the document and the restoration, and to put both back."""
        scope = self.document.scope(losses)
        if not losses:
            return scope
        # What was made and is declared to be gone is not to come back.
        scope.leaving -= devices_made(known.objects) | {End(name, "") for name in namespaces_made(known.objects)}
        # What goes with sealed namespaces is put back from what was declared.
        former = [seals.outside(known.config, sealed)] if candidates else []
        for config in (*former, restoration(candidates), self._by_default(known, candidates)):
            for dummy, spec in documents.read(config, Problems()):
                spec.add_to(scope)
        # A namespace or a device may stay for another topology, but not what stands in it.
        for item in () if sealed else candidates:
            item.specs[0].add_to(scope)
        for other in self.others:
            rivals.add_to(scope, other.config)
        for name in self.above:
            scope.taken_along(name)
        if sealed:
            scope.seal(sealed)
        return scope

    def _sealed(self, session: Session, known: Ledger, candidates: Sequence[Touched]) -> frozenset[str]:
        """The namespaces that need not be looked into: they go, and are the very ones that were made."""
        if not self.absent or any(shared(other.config, candidates) for other in self.others):
            return frozenset()
        names = seals.sealed(candidates)
        return names if all(known.has_made(name, session.number(name)) for name in names) else frozenset()

    def _others(self, host: str) -> list[Ledger]:
        """The other topologies of this host, as far as their ledgers can be read."""
        found = []
        for name in sorted(set(_ledger.names()) - {self.name}):
            try:
                found.append(_ledger.load(name, host))
            except KernelError as error:
                self.unreadable.append(error)
        return [other for other in found if other]

    def _leaving(
        self, known: Ledger, candidates: Sequence[Touched], state: State, strangers: AbstractSet[End]
    ) -> tuple[list[Touched], list[str]]:
        """What is to be put back; what was replaced behind our back is left alone, with a warning about each."""
        warnings, leaving = [], [] if self.absent else known.renamed(self.declared, state)
        for item in candidates:
            if known.replaced(item, state):
                what = " -- ".join(map(str, sorted(item.devices)))
                warnings.append(f"{item.kind} {what} is not the one this topology made any more; it is left alone")
            elif not (item.owner or self.absent or item.passes or item in self.released) or stands_on(item, strangers):
                continue
            elif item.is_gone(state) and not self._heirs(item):
                gone = " with ".join(map(told, sorted(itself(item))))
                warnings.append(f"{BEFORE} cannot be put back: {gone} is gone")
            else:
                leaving.append(cable_now(known.as_named_now(item, state), state))
        if self.absent or not (leaving or self.home):
            return leaving, warnings
        leaving = self._making_way(leaving, state) + back_in_bridges(self.home, self.document)
        more = followers(known.objects, known.config, leaving + self.home, self.declared, state)
        return leaving + more, warnings

    def _making_way(self, leaving: list[Touched], state: State) -> list[Touched]:
        """What goes, without what the document declares where it stands once the rest is gone.

        A link may be wanted where a cable that is not declared any more has an end of its name. A cable whose names are
        declared elsewhere moves there, once what has no place any more is out of the way.
        """
        named = {frozenset(end.name for end in spec.claims) for spec in self.document.specs["veth"]}
        for kinds in (DEVICES, KINDS.keys() - DEVICES):
            going = (i for i in leaving if i.kind not in kinds or frozenset(end.name for end in i.devices) not in named)
            cleared = without(going, state)
            here = places_of(self.document, kinds, cleared)
            leaving = [item for item in leaving if not here & claims_of(item, cleared)]
        return leaving

    def _handed_over(self, leaving: list[Touched], known: Ledger) -> list[Touched]:
        """What another topology declares as well stays: that one is to know what was found before this one."""
        if leaving and self.unreadable:
            raise self.unreadable[0]
        for other in self.others if leaving else ():
            alike = shared(other.config, leaving)
            both, alone = divided(alike, other.config)
            if alike:
                other.inherit(both, known.grounds)
                self.heirs[other.name] = other
            leaving = [item for item in leaving if item not in alike] + alone
            if other.learn(leaving):
                self.heirs[other.name] = other
        return leaving

    def _bequeath(self, known: Ledger) -> None:
        """What cannot be put back by a topology that goes is left to one that holds what it stands on."""
        for item in self.owed if self.absent else ():
            for heir in self._heirs(item)[:1]:
                heir.inherit([item], known.grounds)
                self.heirs[heir.name] = heir

    def _heirs(self, item: Touched) -> list[Ledger]:
        return [other for other in self.others if other.holds(item)]

    def _check_others(self, planned: Plan, scope: Scope, warnings: list[str]) -> None:
        """Refuses a plan that would undo what another topology declares; one that only takes down warns of it."""
        problems = Problems()
        for other in self.others if planned.steps else ():
            for found in rivals.undone(other.config, planned, scope):
                if self.absent:
                    warnings.append(f"this takes away what topology {other.name} declares: {found.message}")
                else:
                    message = f"topology {other.name} of this host declares otherwise: {found.message}"
                    problems.add(found.path, f"{message}; change one of the two, or take {other.name} down first")
        if problems:
            raise Refused(problems)

    def _plan(
        self, known: Ledger, leaving: Sequence[Touched], state: State, warnings: list[str]
    ) -> tuple[Document, Plan]:
        """The plan of all; what cannot be put back now is left out, with a warning about each, and stays owed."""
        config = restoration([known.put_back(item) for item in leaving], self.home)
        for kind, entries in self._by_default(known, leaving, state).items():
            config.setdefault(kind, []).extend(entries)
        while True:
            problems = Problems()
            undo = documents.read(config, problems, UNDO)
            self.whole = documents.merged(self.document, undo)
            planned = documents.plan(self.whole, state, problems, self.check, kept=self.lost, chosen=self.chosen)
            refused = {problem.path.split("]")[0] + "]" for problem in problems.found}
            if not refused or not all(path.startswith(UNDO) for path in refused):
                break
            for problem in problems.found:
                specs = ((kind, spec) for kind, spec in undo if problem.path.startswith(spec.path))
                meant = {(kind, claim) for kind, spec in specs for claim in documents.claims(spec)}
                items = [item for item in leaving if item.claims & meant]
                warnings.append(self._told(items, problem))
                self.owed += items
            config = {
                kind: [entry for i, entry in enumerate(entries) if documents.entry_path(UNDO, kind, i) not in refused]
                for kind, entries in config.items()
            }
        if problems:
            raise Refused(problems)
        return undo, planned

    def _by_default(self, known: Ledger, items: Sequence[Touched], state: Optional[State] = None) -> Config:
        """What devices that come back had from a `default` which is another one now."""
        objects = (item for ledger in (known, *self.others) for item in ledger.objects)
        return defaults.settings([*items, *self.home], objects, self.declared, state)

    def _told(self, items: Sequence[Touched], problem: Problem) -> str:
        """Why something that was found is not put back, and whether it will be."""
        heirs = [f"comes back when topology {heir.name} goes" for item in items for heir in self._heirs(item)]
        later = heirs[0] if self.absent and heirs else "cannot be put back" + ("" if self.absent else " yet")
        return f"{BEFORE} {later}: {problem.message}"

    def _carry_out(self, session: Session, planned: Plan, before: Optional[Ledger], known: Ledger) -> Plan:
        """Writes the ledger first; when the host was put back, so is the ledger."""
        try:
            former = before.config if before and self.sealed else {}
            return carry_out(session, self.whole, planned, begin=lambda: _ledger.save(known), former=former)
        except Failed as error:
            if error.restored and before is None:
                _ledger.forget(self.name)
            elif error.restored and before is not None:
                again = before.objects if self.sealed else before.touched(planned)
                before.recognise(again, observe(session, self._scope(before, before.objects)))
                # The one of the run that failed tells the next run the same.
                with suppress(KernelError):
                    _ledger.save(before)
            raise


def _check_found(known: Ledger, planned: Plan, warnings: Sequence[str]) -> None:
    """Refuses a plan that would destroy devices that were found, with the namespaces that they were moved to."""
    problems = Problems()
    for end in perishing(known.objects, known.grounds, planned):
        why = "; ".join(warning for warning in warnings if warning.startswith(BEFORE)) or "there is no way back for it"
        problems.add("", f"{end} was found, not made, and would go with namespace {end.netns}: {why}. {HINT}")
    if problems:
        raise Refused(problems)
