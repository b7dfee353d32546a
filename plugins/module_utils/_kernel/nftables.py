# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""nft: its listing read, and a batch of changes in one transaction."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Optional

from .._model.firewall import FAMILY_NAME, NFT, OWNER, VERDICTS, Body, Found, Place, split_negation
from .._model.firewall_actions import HOOKS, AddRule, DeleteRule, DropChain, DropTable, ordered
from .listing import Base, Line, Listing
from .programs import ProgramFailed, run

Key = tuple[str, str]
FAMILIES = ("ip", "ip6", "inet")
DEVICES = {"in": "iifname", "out": "oifname"}
SIDES = {name: side for side, name in DEVICES.items()}
REFUSALS = ("drop", "reject")
# Of tables. In their place nft 1.0.6 prints stray words, or breaks off.
FLAGS = frozenset({"dormant", "owner", "persist"})
LISTING = "list the nftables rules"


class _BrokenOff(ProgramFailed):
    """What nft printed is not whole."""


def read(program: str, *only: str) -> dict[Key, Listing]:
    """Every table of the IP families, or only one, by family and name."""
    objects = _objects(program, *only)
    tables: dict[Key, Listing] = {}
    maps = {(*_key(value), value["name"]): value for kind, value in objects if kind == "map"}
    for kind, value in objects:
        if kind == "metainfo" or value["family"] not in FAMILIES:
            continue
        if kind == "table":
            table = Listing(NFT, value["family"], value["name"], flags=_flags(program, value))
            tables[table.family, table.name] = table
        elif kind == "chain":
            _add_chain(tables[_key(value)], value)
        elif kind == "rule":
            _add_rule(tables[_key(value)], value, maps)
        else:
            tables[_key(value)].others = True
    return tables


def _objects(program: str, *only: str) -> list[tuple[str, Any]]:
    """What nft lists of all tables, or of one, each with its kind; table by table where it breaks off."""
    try:
        return _listed(program, *(("table", *only) if only else ("ruleset",)))
    except _BrokenOff:
        lines = run(LISTING, program, "list", "tables").splitlines()
        keys = [(family, name) for dummy, family, name in (line.split() for line in lines) if family in FAMILIES]
        return [found for key in keys if key == only or not only for found in _table(program, *key)]


def _listed(program: str, *what: str) -> list[tuple[str, Any]]:
    said = run(LISTING, program, "-j", "list", *what)
    try:
        entries = json.loads(said)["nftables"] if said.strip() else []
    except ValueError:
        raise _BrokenOff(LISTING, f"what it prints is not whole (nft -j list {' '.join(what)})") from None
    return [found for entry in entries for found in entry.items()]


def _table(program: str, family: str, name: str) -> list[tuple[str, Any]]:
    """A table's objects; where nft breaks off, its chains and maps, with a word for what else may be in it."""
    try:
        return _listed(program, "table", family, name)
    except _BrokenOff:
        inner = [found for what in ("maps", "chains") for found in _listed(program, what) if found[0] != "metainfo"]
    inner = [(kind, value) for kind, value in inner if _key(value) == (family, name)]
    chains = [value["name"] for kind, value in inner if kind == "chain"]
    rules = [found for chain in chains for found in _listed(program, "chain", family, name, chain)]
    table = ("table", {"family": family, "name": name, "flags": []})
    others = ("others", {"family": family, "table": name})
    return [table, *inner, *(found for found in rules if found[0] == "rule"), others]


def _flags(program: str, table: dict[str, Any]) -> tuple[str, ...]:
    """As nft writes them for people, where there are some and its JSON does not tell which."""
    told = table.get("flags")
    flags = tuple([told] if isinstance(told, str) else told or ())
    if told is None or (flags and FLAGS.issuperset(flags)):
        return flags
    said = run(LISTING, program, "list", "table", table["family"], table["name"])
    found = re.search(r"^\tflags (.*)$", said, re.MULTILINE)
    return tuple(word.strip() for word in found[1].split(",")) if found else ()


def _key(value: dict[str, Any]) -> Key:
    return value["family"], value["table"]


def _add_chain(table: Listing, value: dict[str, Any]) -> None:
    table.lines[value["name"]] = []
    if "hook" in value:
        table.bases[value["name"]] = Base(value["type"], value["hook"], value.get("policy", "accept"))


def _add_rule(table: Listing, value: dict[str, Any], maps: dict[Any, Any]) -> None:
    """A rule that looks into a map of verdicts may do whatever the map holds."""
    expressions = value.get("expr", [])
    named = [name[1:] for name in _strings(expressions) if name.startswith("@")]
    verdicts = [expressions, *(maps.get((*_key(value), name), {}).get("elem", []) for name in named)]
    leads_to = tuple(target for key, target in _pairs(verdicts) if key == "target" and isinstance(target, str))
    drops = any(key in REFUSALS or (key == "name" and inner == "REJECT") for key, inner in _pairs(verdicts))
    found = None
    comment = value.get("comment", "")
    if comment.split(" ")[0] == OWNER:
        found = Found(table.place(value["chain"]), comment, body(expressions), handle=value["handle"])
    table.lines[value["chain"]].append(Line(drops, leads_to, found))


def has_unreadable_comments(listing: Listing, program: str) -> bool:
    """Whether a table has comments that iptables wrote; nft says that they are there, not what they say."""
    rules = [value for kind, value in _objects(program, listing.family, listing.name) if kind == "rule"]
    return any(value == {"type": "match", "name": "comment"} for key, value in _pairs(rules) if key == "xt")


def _pairs(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key with its value, however deep."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from _pairs(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _pairs(inner)


def _strings(value: Any) -> Iterator[str]:
    for dummy, inner in _pairs(value):
        if isinstance(inner, str):
            yield inner


def body(expressions: Iterable[dict[str, Any]]) -> Body:
    """A rule's expressions as words; what is not ours becomes a word that no rule of ours has."""
    words = set()
    for expression in expressions:
        for kind, value in expression.items():
            word = _match_word(value) if kind == "match" else kind if kind in VERDICTS and value is None else None
            if kind != "counter":
                words.add(word or f"? {json.dumps(expression, sort_keys=True)}")
    return frozenset(words)


def _match_word(match: dict[str, Any]) -> Optional[str]:
    left, right, negated = match["left"], match["right"], match["op"] == "!="
    side = SIDES.get(left.get("meta", {}).get("key", "")) if isinstance(left, dict) else None
    if side and isinstance(right, str):
        return f"{side} {'!' if negated else ''}{right}"
    if negated or match["op"] not in ("==", "in"):
        return None
    if left == {"meta": {"key": "nfproto"}}:
        return f"family {right}"
    if left == {"ct": {"key": "state"}}:
        states = right.get("set", []) if isinstance(right, dict) else right
        return f"ct {','.join(sorted(states if isinstance(states, list) else [states]))}"
    if "payload" in left and left["payload"].get("field") in ("saddr", "daddr"):
        return _address_word(left["payload"]["field"], right)
    return None


def _address_word(field: str, value: Any) -> Optional[str]:
    prefix = value.get("prefix", {}) if isinstance(value, dict) else {"addr": value}
    try:
        network = ipaddress.ip_network(f"{prefix['addr']}/{prefix['len']}" if "len" in prefix else prefix["addr"])
    except (KeyError, TypeError, ValueError):
        return None
    return f"{'from' if field == 'saddr' else 'to'} {network}"


def write(program: str, actions: Sequence[Any]) -> None:
    """Everything that nft has to change, in one transaction."""
    for action in actions:
        if isinstance(action, (DropChain, DropTable)):
            _check_ours(program, action)
    what = "change the nftables rules (" + ", ".join(action.what() for action in actions) + ")"
    commands = [command for action in actions for command in _commands(action)]
    run(what, program, "-j", "-f", "-", text=json.dumps({"nftables": commands}))


def _check_ours(program: str, action: Any) -> None:
    """The kernel deletes a chain with the rules in it: nobody else's may have come since it was looked at."""
    places = action.places if isinstance(action, DropTable) else (action.place,)
    first = places[0]
    listing = read(program, first.family, first.table)[first.family, first.table]
    strangers = [line for place in places for line in listing.lines.get(place.chain, ()) if line.found is None]
    chains = set(listing.lines) - {place.chain for place in places} if isinstance(action, DropTable) else set()
    if strangers or chains:
        raise ProgramFailed(action.what(), "somebody else has put something into it meanwhile", "run it again")


def _commands(action: Any) -> list[dict[str, Any]]:
    """An action in nft's JSON."""
    if isinstance(action, DropTable):
        return [{"delete": {"table": {"family": action.table.family, "name": action.table.name}}}]
    place: Place = action.place
    rule: dict[str, Any] = {"family": place.family, "table": place.table, "chain": place.chain}
    if isinstance(action, AddRule):
        rule.update({"comment": action.comment, "expr": [_expression(word) for word in ordered(action.body)]})
        if action.follower:
            return [{"insert": {"rule": {**rule, "handle": action.follower}}}]
        return [{"insert" if action.at_top else "add": {"rule": rule}}]
    if isinstance(action, DeleteRule):
        return [{"delete": {"rule": {**rule, "handle": action.found.handle}}}]
    if isinstance(action, DropChain):
        return [{"delete": {"chain": _chain(place)}}]
    kind, hook, priority = HOOKS[place.chain]
    base = {"type": kind, "hook": hook, "prio": priority, "policy": "accept"}
    table = {"family": place.family, "name": place.table}
    return [{"add": {"table": table}}, {"add": {"chain": {**_chain(place), **base}}}]


def _chain(place: Place) -> dict[str, Any]:
    return {"family": place.family, "table": place.table, "name": place.chain}


def _expression(word: str) -> dict[str, Any]:
    """A word of a body as an nft expression."""
    key, dummy, value = word.partition(" ")
    if key in DEVICES:
        negated, name = split_negation(value)
        return _match({"meta": {"key": DEVICES[key]}}, name, "!=" if negated else "==")
    if key in ("from", "to"):
        network = ipaddress.ip_network(value)
        left = {"payload": {"protocol": FAMILY_NAME[network.version], "field": "saddr" if key == "from" else "daddr"}}
        return _match(left, {"prefix": {"addr": str(network.network_address), "len": network.prefixlen}})
    if key == "family":
        return _match({"meta": {"key": "nfproto"}}, value)
    if key == "ct":
        return _match({"ct": {"key": "state"}}, value.split(","), "in")
    return {key: None}


def _match(left: Any, right: Any, op: str = "==") -> dict[str, Any]:
    return {"match": {"op": op, "left": left, "right": right}}
