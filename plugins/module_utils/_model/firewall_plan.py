# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From rules as declared to the steps that bring them about; masquerade and forward_accept share it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Optional

from . import fastpath_rules, values
from .firewall import (
    AUTO,
    FAMILY_NAME,
    FORWARD_ACCEPT,
    IPTABLES,
    IPTABLES_LEGACY,
    IPTABLES_NFT,
    MASQUERADE,
    NFT,
    OWNER,
    Body,
    Firewall,
    Found,
    Place,
    Rule,
    Table,
    firewall_of,
    rule_of,
    tool,
)
from .firewall_actions import HOOKS, AddRule, DeleteRule, DropChain, DropTable, MakeChain
from .planner import Planner
from .problems import Reader
from .scope import Scope
from .state import HOST, State

OPTIONS: dict[str, Any] = {
    "netns": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "source": {"type": "str"},
    "destination": {"type": "str"},
    "out_interface": {"type": "str"},
    "backend": {"type": "str", "choices": [AUTO, NFT, IPTABLES], "default": AUTO},
}


@dataclass(frozen=True)
class RuleSpec:
    """A rule as declared."""

    path: str
    absent: bool
    rule: Rule
    backend: str
    replies: bool = False

    @property
    def subject(self) -> Rule:
        return self.rule

    @property
    def netns(self) -> str:
        return self.rule.netns

    def add_to(self, scope: Scope) -> None:
        needs = scope.namespace(self.netns)
        needs.firewall = True
        needs.shortcuts = needs.shortcuts or not self.absent


def read(reader: Reader, kind: str, empty: str) -> RuleSpec:
    """An entry of either kind; `empty` says what a rule that matches everything would do."""
    source, destination = reader.get("source", values.network), reader.get("destination", values.network)
    if source and destination and values.family(source) != values.family(destination):
        reader.wrong("destination", f"{destination} and the source {source} are of different IP versions")
    if not any(reader.get(name) for name in ("source", "destination", "in_interface", "out_interface")):
        reader.wrong("source", f"no option says what to match: {empty}; if that is meant, write 0.0.0.0/0 or ::/0")
    rule = Rule(
        kind,
        reader.get("netns", values.netns_name) or HOST,
        values.family(source or destination) if source or destination else 0,
        _narrow(source),
        _narrow(destination),
        reader.get("in_interface", device) or "",
        reader.get("out_interface", device) or "",
    )
    backend = reader.get("backend") or AUTO
    return RuleSpec(reader.path, reader.get("state") == "absent", rule, backend, bool(reader.get("replies")))


def device(value: str) -> str:
    """A device name, perhaps negated, that nftables and iptables both take for that one device."""
    name = values.out_interface(value)
    if "*" in name or name.endswith("+") or set("\"\\'") & set(name):
        raise ValueError(f"{value!r} is not one device's name that a rule can have: no '*', quotes, '\\' or final '+'")
    return name


def _narrow(prefix: Optional[str]) -> str:
    """A prefix that narrows a rule; 0.0.0.0/0 and ::/0 only say which IP version is meant."""
    return "" if prefix is None or prefix in values.DEFAULT.values() else prefix


def subjects(state: State, netns: str, kind: str) -> Iterator[Rule]:
    """Every rule of ours of a kind in a namespace, once."""
    found = [rule_of(part, netns) for part in firewall_of(state, netns).rules]
    yield from dict.fromkeys(rule for rule in found if rule is not None and rule.kind == kind)


def view(state: State, rule: Rule) -> Optional[dict[str, Any]]:
    """A rule in the user's vocabulary, of what both kinds have; None where nothing of it is intact."""
    if rule.netns not in state.namespaces:
        return None
    intact = intact_parts(firewall_of(state, rule.netns), rule)
    if not intact:
        return None
    anything = values.DEFAULT[rule.family] if rule.family and not (rule.source or rule.destination) else None
    return {
        "netns": rule.netns or None,
        "source": rule.source or anything,
        "destination": rule.destination or None,
        "out_interface": rule.out_interface or None,
        "backend": NFT if all(found.place.backend == NFT for found in intact) else IPTABLES,
    }


def intact_parts(firewall: Firewall, rule: Rule) -> Sequence[Found]:
    """What is there of a rule with the body it should have."""
    return [
        found
        for found in firewall.ours(rule)
        if found.body == rule.body(found.place, reply=found.comment == rule.comment(reply=True))
    ]


class Wanted(NamedTuple):
    """A rule at its place, and why it belongs there."""

    place: Place
    comment: str
    body: Body
    why: str = "the rule is missing"


def observed(planner: Planner, spec: RuleSpec) -> Optional[Firewall]:
    """The rules of the entry's namespace, or None after having said why nothing can be planned."""
    if planner.namespace(spec.netns) is None:
        return None
    firewall = firewall_of(planner.state, spec.netns)
    if firewall.unseen:
        planner.refuse(firewall.unseen)
        return None
    return firewall


def choose_backend(planner: Planner, spec: RuleSpec, firewall: Firewall) -> str:
    """Who is to write the rule; "" after having said what is missing."""
    now = sorted({found.place.backend for found in firewall.ours(spec.rule)})
    own = IPTABLES_LEGACY if firewall.legacy else firewall.iptables or IPTABLES
    if spec.backend == NFT:
        backend = NFT
    elif spec.backend == IPTABLES:
        backend = next((name for name in now if name != NFT), own)
    else:
        backend = NFT if "nft" in firewall.tools and not firewall.legacy else own
        if now and backend not in now:
            backend = now[0]
    return backend if _usable(planner, spec, firewall, backend) else ""


def _usable(planner: Planner, spec: RuleSpec, firewall: Firewall, backend: str) -> bool:
    if backend == NFT:
        missing = [] if "nft" in firewall.tools else ["nft"]
    else:
        names = [tool(backend, FAMILY_NAME[family]) for family in firewall.families(spec.rule)]
        missing = [name for name in names if name not in firewall.tools]
    if not missing:
        return True
    if firewall.nft_said and backend == NFT:
        message = f"nft does not work here: {firewall.nft_said}"
    elif spec.backend == AUTO and not firewall.tools:
        message = "neither nft nor iptables is installed; install the package nftables"
    else:
        package = "nftables" if backend == NFT else "iptables"
        verb = "are" if missing[1:] else "is"
        message = f"{' and '.join(missing)} {verb} not installed; install the package {package}"
    planner.refuse(message, "" if spec.backend == AUTO else "backend")
    return False


def converge(planner: Planner, spec: RuleSpec, wanted: Sequence[Wanted]) -> None:
    """Plans that a rule stands at its places, once, as it should read, and nowhere else."""
    _check_fastpaths(planner, spec)
    firewall = firewall_of(planner.state, spec.netns)
    missing = sorted(wanted, key=lambda want: _number(planner, spec.netns, want))
    for found in firewall.ours(spec.rule):
        same = next((want for want in missing if want[:3] == (found.place, found.comment, found.body)), None)
        if same and not found.shadowed:
            missing.remove(same)
            if not (planner.puts_back or planner.as_found):
                _is_reached(planner, spec, same.place)
        else:
            planner.do(DeleteRule(spec.netns, found, firewall.program(found.place)), _why_not(found, wanted))
    for want in missing:
        _make_room(planner, spec, want.place)
        program = firewall.program(want.place)
        rule = AddRule(spec.netns, want.place, want.comment, want.body, program)
        planner.do(_as_it_stood(planner, rule, want), want.why)


def _number(planner: Planner, netns: str, want: Wanted) -> int:
    """Where a rule of ours stood that is put back; 0 for others."""
    stood = _stood(planner, netns, want.place)
    return stood.index(want.comment) if want.comment in stood else 0


def _stood(planner: Planner, netns: str, place: Place) -> list[str]:
    """The rules of a chain of our own, in their order, as a failed run found them."""
    was = planner.as_found.state if planner.as_found and place.backend == NFT and place.table == OWNER else None
    if was is None or netns not in was.namespaces:
        return []
    return [found.comment for found in firewall_of(was, netns).rules if found.place == place]


def _as_it_stood(planner: Planner, rule: AddRule, want: Wanted) -> AddRule:
    """A rule at its former place among those of our own."""
    stood = _stood(planner, rule.netns, want.place)
    if want.comment not in stood:
        return rule
    later = stood[stood.index(want.comment) + 1 :]
    there = (found for found in firewall_of(planner.state, rule.netns).rules if found.place == want.place)
    handles = (found.handle for found in there if found.handle and found.comment in later)
    return replace(rule, follower=next(handles, 0))


def _check_fastpaths(planner: Planner, spec: RuleSpec) -> None:
    """Refuses a rule for packets that a fast path leads past it; one that the document declares says so itself."""
    if planner.as_found is not None:
        return
    declared = {other.subject for other in planner.specs.get("fastpath", ())}
    for name in fastpath_rules.standing(planner.state, spec.rule):
        if (spec.netns, name) not in declared:
            planner.refuse(
                f"the rule '{spec.rule.comment()}' covers packets between the ends of the fast path {name}, which pass "
                "it by; take them out of the rule, or out of the fast path"
            )


def _why_not(found: Found, wanted: Sequence[Wanted]) -> str:
    places = list(dict.fromkeys(str(want.place) for want in wanted if want.comment == found.comment))
    if not places:
        return "replies are not wanted"
    if str(found.place) not in places:
        return f"it belongs into {' and '.join(places)}"
    if not any(want.body == found.body for want in wanted if want[:2] == (found.place, found.comment)):
        return f"it was altered; it should read: {found.comment}"
    return "a rule that drops stands before it" if found.shadowed else "it stands there twice"


def _is_reached(planner: Planner, spec: RuleSpec, place: Place) -> bool:
    """Whether packets come to a chain of ours, once it is there; says why they do not."""
    table = firewall_of(planner.state, spec.netns).table(place)
    if table is None or place.backend != NFT or place.table != OWNER:
        return True
    if place.chain in table.wrong:
        kind, hook, dummy = HOOKS[place.chain]
        planner.refuse(
            f"chain {place} exists and is not a {kind} chain at the {hook} hook: no packet would reach the rule; "
            f"delete it first (nft delete chain {' '.join(place[1:])})"
        )
        return False
    if table.dormant:
        planner.refuse(
            f"table {place.family} {place.table} is dormant: no packet would reach the rule; "
            f"delete it first (nft delete table {place.family} {place.table}), or take the flag from it"
        )
    return not table.dormant


def _make_room(planner: Planner, spec: RuleSpec, place: Place) -> None:
    """Plans the chain of ours that a rule needs, or the mark in a table that is made for it."""
    firewall = firewall_of(planner.state, spec.netns)
    table = firewall.table(place)
    if not _is_reached(planner, spec, place):
        return
    if place.backend == NFT and place.table == OWNER:
        if table is None or place.chain not in table.chains:
            planner.do(MakeChain(spec.netns, place), "the chain does not exist")
    elif place.backend == IPTABLES_NFT and table is None and "nft" in firewall.tools:
        mark = place._replace(chain=OWNER)
        why = f"there is no table {place.family} {place.table}; the chain marks that it goes with the last rule"
        planner.do(MakeChain(spec.netns, mark, firewall.program(mark)), why)


def remove(planner: Planner, spec: RuleSpec) -> None:
    """Plans that nothing of a rule is left, in a namespace that stays."""
    if not spec.absent or spec.netns not in planner.state.namespaces:
        return
    if any(other.absent and other.name == spec.netns for other in planner.specs.get("netns", ())):
        return
    firewall = observed(planner, spec)
    if firewall is None:
        return
    for found in firewall.ours(spec.rule):
        planner.do(DeleteRule(spec.netns, found, firewall.program(found.place)), "the rule is not wanted")
    tidy(planner, spec)


def tidy(planner: Planner, spec: RuleSpec) -> None:
    """After the document's last rule in a namespace: plans that chains and tables of ours left empty go."""
    specs = [other for kind in (MASQUERADE, FORWARD_ACCEPT) for other in planner.specs.get(kind, ())]
    here = [other for other in specs if other.netns == spec.netns]
    last = ([other for other in here if not other.absent] or here)[-1:]
    if not last or last[0] is not spec:
        return
    firewall = firewall_of(planner.state, spec.netns)
    for table in firewall.tables:
        if table.ours:
            _tidy_table(planner, spec.netns, firewall, table)


def _tidy_table(planner: Planner, netns: str, firewall: Firewall, table: Table) -> None:
    used = {found.place.chain for found in firewall.rules if table.holds(found.place)}
    if not used and not table.busy:
        planner.do(DropTable(netns, table), "nothing is left in it")
        return
    for chain in table.chains:
        place = Place(table.backend, table.family, table.name, chain)
        idle = not used if table.backend == IPTABLES_NFT else chain not in used | table.busy
        if chain in ((OWNER,) if table.backend == IPTABLES_NFT else HOOKS) and idle:
            planner.do(DropChain(netns, place, firewall.program(place)), "nothing is left in it")
