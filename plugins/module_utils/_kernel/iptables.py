# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""iptables, either kind: its tables read from iptables-save, and changed by iptables-restore."""

from __future__ import annotations

import ipaddress
import shlex
from collections.abc import Sequence
from typing import Any, NamedTuple, Optional

from .._model.firewall import IPTABLES_LEGACY, OWNER, Body, Found
from .._model.firewall_actions import DeleteRule, DropChain, MakeChain, iptables_words
from .listing import Base, Line, Listing
from .programs import ProgramFailed, run

HOOKS = {"FORWARD": "forward", "POSTROUTING": "postrouting"}
REFUSALS = ("DROP", "REJECT")
LOCK_SECONDS = "20"
# What a word stands for; the modules that are loaded with -m for the sake of these.
OPTIONS = {"-s": "from", "-d": "to", "-i": "in", "-o": "out", "--ctstate": "ct", "--state": "ct"}
MODULES = ("comment", "conntrack", "state")
VERDICTS = {"ACCEPT": "accept", "MASQUERADE": "masquerade"}


def legacy_tables(family: str) -> list[str]:
    """The legacy tables in use in this thread's namespace."""
    path = f"/proc/thread-self/net/{family}_tables_names"
    try:
        with open(path, encoding="ascii") as file:
            return file.read().split()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ProgramFailed("see which legacy iptables tables are in use", f"{path}: {error.strerror}") from error


def read(backend: str, family: str, program: str) -> dict[str, Listing]:
    """Every table by name; one that iptables cannot read, as nft put rules into it, is left out."""
    tables: dict[str, Listing] = {}
    table = Listing(backend, family, "")
    for line in run(f"list the {backend} rules", f"{program}-save").splitlines():
        if line.startswith("*"):
            table = tables[line[1:]] = Listing(backend, family, line[1:])
        elif line.startswith(":"):
            chain, policy = line[1:].split()[:2]
            table.lines[chain] = []
            if policy != "-":
                table.bases[chain] = Base("", HOOKS.get(chain, ""), policy.lower())
        elif line.startswith("-A "):
            dummy, chain, text = line.split(" ", 2)
            table.lines[chain].append(_line(table, chain, text))
    return tables


class Parsed(NamedTuple):
    """A rule of iptables-save."""

    body: Body
    comment: str
    target: str


def _line(table: Listing, chain: str, text: str) -> Line:
    rule = parse(text)
    found: Optional[Found] = None
    if rule.comment.split(" ")[0] == OWNER:
        found = Found(table.place(chain), rule.comment, rule.body, text=text)
    return Line(rule.target in REFUSALS, (rule.target,) if rule.target else (), found)


def parse(text: str) -> Parsed:
    """A rule's words; what is not ours becomes a word that no rule of ours has."""
    words, comment, target = set(), "", ""
    tokens = iter(shlex.split(text))
    negated = ""
    for token in tokens:
        if token == "!":
            negated = "!"
            continue
        if token in ("-j", "-g"):
            target = next(tokens, "")
            words.add(VERDICTS.get(target, f"? {target}"))
        elif token == "--comment":
            comment = next(tokens, "")
        elif token in OPTIONS:
            words.add(_word(OPTIONS[token], negated, next(tokens, "")))
        elif token != "-m" or (module := next(tokens, "")) not in MODULES:
            words.add(f"? {negated}{token if token != '-m' else module}")
        negated = ""
    return Parsed(frozenset(words), comment, target)


def _word(key: str, negated: str, value: str) -> str:
    if key in ("in", "out"):
        return f"{key} {negated}{value}"
    if key == "ct":
        value = ",".join(sorted(value.lower().split(",")))
    else:
        try:
            value = str(ipaddress.ip_network(value))
        except ValueError:
            return f"? {key} {value}"
    return f"? {key} {value}" if negated else f"{key} {value}"


def write(backend: str, program: str, actions: Sequence[Any]) -> None:
    """Changes of one iptables and IP version: one transaction for each table."""
    tables: dict[str, list[str]] = {}
    for action in actions:
        tables.setdefault(action.place.table, []).append(_command(action))
    text = "".join(f"*{table}\n" + "\n".join(lines) + "\nCOMMIT\n" for table, lines in tables.items())
    what = f"change the {backend} rules (" + ", ".join(action.what() for action in actions) + ")"
    wait = ["-w", LOCK_SECONDS] if backend == IPTABLES_LEGACY else []
    run(what, f"{program}-restore", "--noflush", *wait, text=text)


def _command(action: Any) -> str:
    """An action as a line for iptables-restore."""
    chain = action.place.chain
    if isinstance(action, DeleteRule):
        return f"-D {chain} {action.found.text}"
    if isinstance(action, (MakeChain, DropChain)):
        return f"{'-N' if isinstance(action, MakeChain) else '-X'} {chain}"
    words = " ".join(f'"{word}"' if " " in word else word for word in iptables_words(action.body, action.comment))
    return f"-I {chain} 1 {words}" if action.at_top else f"-A {chain} {words}"
