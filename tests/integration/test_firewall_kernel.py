# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""masquerade and forward_accept on the kernel: what nft and iptables-save show, and what packets do."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from itertools import groupby
from typing import Any

import pytest
from host import Host, until

from ansible_collections.nsfabric.linux.plugins.module_utils._errors import KernelError
from ansible_collections.nsfabric.linux.plugins.module_utils._kernel import firewall, nftables, programs
from ansible_collections.nsfabric.linux.plugins.module_utils._kernel.session import Session
from ansible_collections.nsfabric.linux.plugins.module_utils._model import forward_accept, masquerade
from ansible_collections.nsfabric.linux.plugins.module_utils._model.firewall import Firewall
from ansible_collections.nsfabric.linux.plugins.module_utils._model.planner import Planner
from ansible_collections.nsfabric.linux.plugins.module_utils._model.problems import Problems, Reader
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import Namespace, State

KINDS = {"masquerade": masquerade, "forward_accept": forward_accept}
TEN = {"source": "10.1.0.0/24", "out_interface": "!br0"}
BRIDGE = {"in_interface": "br0", "out_interface": "br0"}
BOTH = {"masquerade": TEN, "forward_accept": {**BRIDGE, "replies": True}}


def inside(host: Host, function: Callable[[], Any]) -> Any:
    """What a function returns or raises when it is called on the host."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        try:
            host._enter()
            answer = pickle.dumps((function(), None))
        except KernelError as error:
            answer = pickle.dumps((None, str(error)))
        except BaseException as error:
            answer = pickle.dumps((None, f"crashed: {error!r}"))
        with os.fdopen(write, "wb") as stream:
            stream.write(answer)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        result, said = pickle.loads(stream.read())
    os.waitpid(pid, 0)
    if said is not None:
        raise AssertionError(said)
    return result


def plan(firewall_now: Firewall, netns: str, entries: dict[str, Any]) -> Planner:
    problems = Problems()
    specs = {}
    for kind, options in entries.items():
        found = options if isinstance(options, list) else [options]
        specs[kind] = [KINDS[kind].read(Reader({"netns": netns or None, **each}, kind, problems)) for each in found]
    planner = Planner(State({netns: Namespace(firewall=firewall_now)}), problems)
    planner.run(specs, {name: kind.PLAN for name, kind in KINDS.items()})
    assert not problems, problems.found
    return planner


def plain(found: Firewall) -> Firewall:
    """Rules without what only the kernel gives them, in no order."""
    rules = sorted((replace(rule, handle=0, text="") for rule in found.rules), key=repr)
    tables = tuple(table for table in found.tables if table.ours)
    return replace(found, rules=tuple(rules), tables=tables, chains=())


def converge(host: Host, netns: str = "", /, **entries: Any) -> list[str]:
    """Plans, applies, looks again: what is there is what was planned, and nothing is left to do."""

    def work() -> list[str]:
        with Session() as session:
            before = firewall.observe(session, netns)
            planner = plan(before, netns, entries)
            for dummy, steps in groupby(planner.steps, key=lambda step: step.phase):
                firewall.apply(session, netns, [step.action for step in steps])
            now = firewall.observe(session, netns)
        again = plan(now, netns, entries).steps
        assert again == [], again
        planned = plain(planner.state.namespaces[netns].firewall)
        assert {rule.comment for rule in plain(now).rules} == {rule.comment for rule in planned.rules}
        assert {rule.place for rule in now.rules} == {rule.place for rule in planned.rules}
        assert {rule.body for rule in now.rules} == {rule.body for rule in planned.rules}
        return [f"{type(step.action).__name__}: {step.why}" for step in planner.steps]

    return list(inside(host, work))


def gone(entries: dict[str, Any]) -> dict[str, Any]:
    return {kind: {**options, "state": "absent"} for kind, options in entries.items()}


def observe(host: Host, netns: str = "") -> Firewall:
    def work() -> Firewall:
        with Session() as session:
            return firewall.observe(session, netns)

    found = inside(host, work)
    assert isinstance(found, Firewall)
    return found


def ruleset(host: Host, netns: str = "") -> list[dict[str, Any]]:
    """What nft lists, but for its own version."""
    return [found for found in json.loads(host.sh("nft -j list ruleset", netns))["nftables"] if "metainfo" not in found]


def rules(host: Host, chain: str) -> list[list[Any]]:
    """The expressions of a chain's rules, read from nft."""
    family, table, name = chain.split()
    found = [entry["rule"] for entry in ruleset(host) if "rule" in entry]
    return [rule["expr"] for rule in found if (rule["family"], rule["table"], rule["chain"]) == (family, table, name)]


def saved(host: Host, program: str = "iptables-nft") -> list[str]:
    return [line for line in host.sh(f"{program}-save").splitlines() if line.startswith("-A")]


def match(key: str, right: Any, op: str = "==") -> dict[str, Any]:
    return {"match": {"op": op, "left": {"meta": {"key": key}}, "right": right}}


def test_masquerade_in_nftables(host: Host) -> None:
    """The table, the hook and the rule are there; the second run has nothing to do; nothing stays behind."""
    assert converge(host, masquerade=TEN) == ["MakeChain: the chain does not exist", "AddRule: the rule is missing"]
    chain = next(entry["chain"] for entry in ruleset(host) if "chain" in entry)
    assert (chain["type"], chain["hook"], chain["prio"], chain["policy"]) == ("nat", "postrouting", 100, "accept")
    source = {"payload": {"protocol": "ip", "field": "saddr"}}
    address = {"match": {"op": "==", "left": source, "right": {"prefix": {"addr": "10.1.0.0", "len": 24}}}}
    assert rules(host, "inet nsfabric postrouting") == [[match("oifname", "br0", "!="), address, {"masquerade": None}]]
    assert converge(host, masquerade=[{**TEN, "source": "10.1.0.0/24"}, {**TEN, "out_interface": "! br0"}]) == []
    converge(host, masquerade={**TEN, "state": "absent"})
    assert ruleset(host) == []


@pytest.mark.parametrize(
    "declared",
    [
        {"source": "10.0.0.1"},
        {"source": "0.0.0.0/0"},
        {"source": "::/0"},
        {"source": "10.0.0.0/7", "destination": "0.0.0.0/0"},
        {"source": "fd00::/65", "destination": "fd01::1", "out_interface": "eth0.100"},
        {"out_interface": "-x"},
        {"out_interface": "we;ird$(x)"},
        {"destination": "2001:db8:1111:2222:3333:4444:5555:6666", "out_interface": "!br-0123456789a"},
    ],
)
@pytest.mark.parametrize("backend", ["nftables", "iptables"])
@pytest.mark.parametrize("kind", ["masquerade", "forward_accept"])
def test_every_form_is_read_back_as_written(host: Host, kind: str, backend: str, declared: dict[str, Any]) -> None:
    entry = {**declared, "backend": backend}
    if kind == "forward_accept":
        entry.update(in_interface="a+b", replies=True)
    assert converge(host, **{kind: entry})
    converge(host, **gone({kind: entry}))
    assert ruleset(host) == []


def test_a_rule_too_long_for_a_comment(host: Host) -> None:
    long = "2001:db8:1111:2222:3333:4444:5555:{}"
    entry = {"source": long.format("6666"), "destination": long.format("7777"), "in_interface": "a" * 15}
    for backend in ("nftables", "iptables"):
        converge(host, forward_accept={**entry, "out_interface": "!" + "b" * 15, "replies": True, "backend": backend})
        state = State({"": Namespace(firewall=observe(host))})
        (subject,) = forward_accept.subjects(state, "")
        shown = forward_accept.view(state, subject)
        assert shown is not None
        assert (shown["source"], shown["replies"]) == (entry["source"] + "/128", True)
    text = host.sh("nft list ruleset")
    host.sh(f"nft flush ruleset; nft -c -f - <<'END'\n{text}\nEND")


@pytest.mark.parametrize("program", ["iptables-nft", "iptables-legacy"])
def test_masquerade_in_iptables(host: Host, program: str) -> None:
    if program == "iptables-legacy":
        host.sh("iptables-legacy -t nat -A POSTROUTING -s 192.0.2.1 -j ACCEPT")
    entry = {"out_interface": "!br0", "backend": "iptables"}
    converge(host, masquerade=entry)
    ours = '-A POSTROUTING ! -o br0 -m comment --comment "nsfabric masquerade out !br0" -j MASQUERADE'
    assert saved(host, program)[-1] == ours
    assert saved(host, program.replace("ip", "ip6", 1)) == [ours]
    converge(host, masquerade={**entry, "state": "absent"})
    assert all("nsfabric" not in line for line in saved(host, program))
    assert ruleset(host) == []


def test_auto_follows_the_host(host: Host) -> None:
    host.sh("iptables-legacy -A INPUT -s 192.0.2.1 -j ACCEPT")
    assert observe(host).legacy
    converge(host, masquerade=TEN)
    assert len(saved(host, "iptables-legacy")) == 2
    assert ruleset(host) == []
    moved = converge(host, masquerade={**TEN, "backend": "nftables"})
    assert moved[0] == "DeleteRule: it belongs into inet nsfabric postrouting"
    assert saved(host, "iptables-legacy") == ["-A INPUT -s 192.0.2.1/32 -j ACCEPT"]
    assert converge(host, masquerade=TEN) == []


@pytest.mark.parametrize("backend", ["nftables", "iptables"])
def test_a_rule_altered_by_hand_is_repaired(host: Host, backend: str) -> None:
    entry = {**TEN, "backend": backend}
    converge(host, masquerade=entry)
    if backend == "nftables":
        host.sh(
            "handle=$(nft -a list chain inet nsfabric postrouting | sed -n 's/.*nsfabric masq.*handle //p');"
            "nft replace rule inet nsfabric postrouting handle $handle "
            "'ip saddr 10.9.0.0/24 masquerade comment \"nsfabric masquerade out !br0 from 10.1.0.0/24\"'"
        )
    else:
        comment = '-m comment --comment "nsfabric masquerade out !br0 from 10.1.0.0/24"'
        host.sh(f"iptables-nft -t nat -R POSTROUTING 1 -s 10.9.0.0/24 {comment} -j MASQUERADE")
    assert "10.9.0.0" in host.sh("nft list ruleset")
    repaired = converge(host, masquerade=entry)
    assert repaired[0].startswith("DeleteRule: it was altered")
    assert "10.9.0.0" not in host.sh("nft list ruleset")


@pytest.mark.parametrize("backend", ["nftables", "iptables"])
def test_a_rule_twice_or_in_another_chain_is_one_rule_again(host: Host, backend: str) -> None:
    entry = {**TEN, "backend": backend}
    converge(host, masquerade=entry)
    comment = "nsfabric masquerade out !br0 from 10.1.0.0/24"
    if backend == "nftables":
        rule = f"'ip saddr 10.1.0.0/24 oifname != br0 masquerade comment \"{comment}\"'"
        host.sh("nft add table ip x; nft add chain ip x c")
        host.sh(f"nft add rule inet nsfabric postrouting {rule}; nft add rule ip x c {rule}")
    else:
        rule = f'-s 10.1.0.0/24 ! -o br0 -m comment --comment "{comment}" -j MASQUERADE'
        host.sh(f"iptables-nft -t nat -N c; iptables-nft -t nat -A c {rule}")
        host.sh(f"iptables-nft -t nat -A POSTROUTING {rule}")
    assert len([step for step in converge(host, masquerade=entry) if step.startswith("DeleteRule")]) == 2
    assert str(ruleset(host)).count(comment) == 1 if backend == "nftables" else len(saved(host)) == 1


def test_nothing_foreign_is_touched(host: Host) -> None:
    """Not in our own table, not in one that looks like it, and the table stays for it."""
    host.sh("nft add table inet nsfabric; nft add chain inet nsfabric mine; nft add rule inet nsfabric mine counter")
    host.sh("nft add table ip nsfabric; nft add set ip nsfabric s '{ type ipv4_addr; }'")
    converge(host, **BOTH)
    host.sh("nft add rule inet nsfabric postrouting ip saddr 192.0.2.1 counter accept comment by-hand")
    converge(host, **gone(BOTH))
    left = host.sh("nft list ruleset")
    assert "by-hand" in left
    assert "chain mine" in left
    assert "set s" in left
    assert "chain forward" not in left
    assert "nsfabric masquerade" not in left


def test_a_rule_added_meanwhile_keeps_the_table(host: Host) -> None:
    """The plan was made before: deleting the table would take the rule with it."""

    def work() -> str:
        with Session() as session:
            first = plan(firewall.observe(session, ""), "", {"masquerade": TEN})
            firewall.apply(session, "", [step.action for step in first.steps])
            last = plan(firewall.observe(session, ""), "", gone({"masquerade": TEN}))
            programs.run("", "nft", "add rule inet nsfabric postrouting counter accept")
            try:
                firewall.apply(session, "", [step.action for step in last.steps])
            except KernelError as error:
                return str(error)
        return "applied"

    said = inside(host, work)
    assert said.startswith("cannot delete table inet nsfabric in the host: somebody else")
    assert len(rules(host, "inet nsfabric postrouting")) == 2


def test_a_failed_batch_leaves_everything_as_it_was(host: Host) -> None:
    host.sh("nft add table inet x; nft add chain inet x nat '{ type nat hook postrouting priority 0; }'")
    before = ruleset(host)

    def work() -> str:
        with Session() as session:
            planner = plan(firewall.observe(session, ""), "", {"masquerade": [TEN, {"source": "fd00::/64"}]})
            broken = [step.action for step in planner.steps]
            broken.append(replace(broken[-1], place=broken[-1].place._replace(chain="nowhere")))
            try:
                firewall.apply(session, "", broken)
            except KernelError as error:
                return str(error)
        return "applied"

    assert "No such file or directory" in inside(host, work)
    assert ruleset(host) == before


def test_docker_s_forward_chain(host: Host) -> None:
    """FORWARD of iptables-nft with policy DROP: the rule is first in it, and iptables still reads its table."""
    host.sh("iptables-nft -P FORWARD DROP; iptables-nft -N DOCKER-USER; iptables-nft -A FORWARD -j DOCKER-USER")
    steps = converge(host, forward_accept={**BRIDGE, "replies": True})
    assert steps[0] == "AddRule: iptables-nft ip filter FORWARD would drop the traffic: its policy is drop"
    front = "-A FORWARD -i br0 -o br0 -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment "
    assert set(saved(host)[:2]) == {
        '-A FORWARD -i br0 -o br0 -m comment --comment "nsfabric forward_accept in br0 out br0" -j ACCEPT',
        front + '"nsfabric forward_accept in br0 out br0 replies" -j ACCEPT',
    }
    assert saved(host)[2] == "-A FORWARD -j DOCKER-USER"
    assert ":FORWARD DROP" in host.sh("iptables-nft-save")
    assert "incompatible" not in host.sh("iptables-nft-save")
    assert converge(host, forward_accept={**BRIDGE, "replies": False}) == ["DeleteRule: replies are not wanted"]
    converge(host, forward_accept={**BRIDGE, "state": "absent"})
    assert saved(host) == ["-A FORWARD -j DOCKER-USER"]


BASE = "type filter hook forward priority 0"
NATIVE = {
    "policy": f"add chain T f {{ {BASE}; policy drop; }}",
    "rule": f"add chain T f {{ {BASE}; }}\nadd rule T f ct state invalid drop",
    "jump": f"add chain T g\nadd rule T g reject\nadd chain T f {{ {BASE}; }}\nadd rule T f jump g",
    "goto": f"add chain T h\nadd rule T h drop\nadd chain T g\nadd rule T g goto h\n"
    f"add chain T f {{ {BASE}; }}\nadd rule T f jump g",
    "map": "add map T m { type ifname : verdict; elements = { x : drop }; }\n"
    f"add chain T f {{ {BASE}; }}\nadd rule T f iifname vmap @m",
    "verdicts": f"add chain T f {{ {BASE}; }}\nadd rule T f ct state vmap {{ new : accept, invalid : drop }}",
}


@pytest.mark.parametrize("form", NATIVE)
@pytest.mark.parametrize("family", ["ip", "inet"])
def test_a_native_chain_that_drops(host: Host, family: str, form: str) -> None:
    text = NATIVE[form].replace(" T ", f" {family} filter ")
    host.sh(f"nft -f - <<'END'\nadd table {family} filter\n{text}\nEND")
    before = ruleset(host)
    converge(host, forward_accept={**BRIDGE, "source": "10.0.0.0/8"})
    assert rules(host, f"{family} filter f")[0][0] == match("iifname", "br0")
    assert not any(entry.get("table", {}).get("name") == "nsfabric" for entry in ruleset(host))
    converge(host, forward_accept={**BRIDGE, "source": "10.0.0.0/8", "state": "absent"})
    assert ruleset(host) == before


def test_a_chain_that_only_accepts_is_left_alone(host: Host) -> None:
    host.sh("nft add table inet filter; nft add chain inet filter f '{ type filter hook forward priority 0; }'")
    host.sh("nft add chain inet filter unused; nft add rule inet filter unused drop")
    host.sh("nft add rule inet filter f counter accept")
    converge(host, forward_accept=BRIDGE)
    assert len(rules(host, "inet filter f")) == 1
    assert len(rules(host, "inet nsfabric forward")) == 1


def test_the_rule_follows_the_chain_that_drops(host: Host) -> None:
    converge(host, forward_accept=BRIDGE)
    host.sh("nft add table inet filter; nft add chain inet filter f '{ type filter hook forward priority 0; }'")
    assert converge(host, forward_accept=BRIDGE) == []
    host.sh("nft add rule inet filter f iifname br9 drop")
    assert [step.split(":")[0] for step in converge(host, forward_accept=BRIDGE)] == [
        "DeleteRule",
        "AddRule",
        "DropTable",
    ]
    assert len(rules(host, "inet filter f")) == 2
    host.sh("nft insert rule inet filter f iifname br9 drop")
    assert converge(host, forward_accept=BRIDGE)[0] == "DeleteRule: a rule that drops stands before it"
    assert rules(host, "inet filter f")[0][0] == match("iifname", "br0")


def test_a_legacy_forward_chain(host: Host) -> None:
    host.sh("iptables-legacy -P FORWARD DROP")
    converge(host, forward_accept={"source": "10.0.0.0/8", "replies": True})
    assert len(saved(host, "iptables-legacy")) == 2
    assert ruleset(host) == []
    converge(host, forward_accept={"source": "10.0.0.0/8", "state": "absent"})
    assert saved(host, "iptables-legacy") == []


@pytest.mark.parametrize(
    ("flags", "owned"),
    [("dormant", []), (["dormant"], []), ("owner", [True]), (["owner", "persist"], [True]), ([], [False])],
)
def test_flags_of_tables(host: Host, monkeypatch: pytest.MonkeyPatch, flags: Any, owned: list[bool]) -> None:
    """Version 1.0.6 of nft does not tell them right, so a listing as later ones print it is read."""
    table = {"family": "inet", "name": "f", "handle": 1, "flags": flags}
    chain = {"family": "inet", "table": "f", "name": "f", "type": "filter", "hook": "forward", "policy": "drop"}
    listing = json.dumps({"nftables": [{"metainfo": {}}, {"table": table}, {"chain": chain}]})
    monkeypatch.setattr(nftables, "run", lambda *dummy: listing)
    assert [found.owned for found in observe(host).chains] == owned


@pytest.mark.parametrize("name", ["x", "f"])
@pytest.mark.parametrize("beside", ["", "nft add table ip z; nft add rule ip z c drop 2> /dev/null || true"])
def test_a_dormant_table(host: Host, name: str, beside: str) -> None:
    """Version 1.0.6 of nft prints no JSON of its flags, breaks off there, or prints a stray word."""
    host.sh(f"nft 'add table inet {name} {{ flags dormant; }}'; {beside}")
    host.sh(f"nft 'add chain inet {name} theirs {{ type filter hook forward priority 0; policy drop; }}'")
    host.sh("nft 'add table inet later; add chain inet later f { type filter hook forward priority 0; policy drop; }'")
    before = host.sh("nft list ruleset")
    assert [found.place.table for found in observe(host).chains] == ["later"]
    converge(host, **BOTH)
    assert "flags dormant" in host.sh(f"nft list table inet {name}")
    assert host.sh("nft list table inet later").count("nsfabric forward_accept") == 2
    converge(host, **gone(BOTH))
    assert host.sh("nft list ruleset") == before


def test_no_rule_is_put_into_a_dormant_table(host: Host) -> None:
    host.sh("nft 'add table inet nsfabric { flags dormant; }; add table inet later'")
    before = host.sh("nft list ruleset")
    with pytest.raises(AssertionError, match="table inet nsfabric is dormant: no packet would reach the rule"):
        converge(host, **BOTH)
    assert host.sh("nft list ruleset") == before


UNREACHED = {
    "table inet nsfabric is dormant": "nft 'add table inet nsfabric { flags dormant; }'",
    "chain inet nsfabric postrouting exists and is not a nat chain": (
        "rule=$(nft list table inet nsfabric | grep 'masquerade comment'); nft flush chain inet nsfabric postrouting;"
        "nft delete chain inet nsfabric postrouting; nft add chain inet nsfabric postrouting;"
        'nft "add rule inet nsfabric postrouting $rule"'
    ),
}


@pytest.mark.parametrize("said", UNREACHED)
def test_a_rule_that_no_packet_reaches_any_more_is_told(host: Host, said: str) -> None:
    masquerade = {"source": "10.1.0.0/24", "out_interface": "eth0", "backend": "nftables"}
    done = host.do("topology", name="lab", config={"masquerade": [masquerade]})
    assert done["changed"]
    host.sh(UNREACHED[said])
    for check in (True, False):
        again = host.module("topology", name="lab", config={"masquerade": [masquerade]}, check=check)
        assert again["failed"]
        assert said in again["msg"]
        assert "no packet would reach the rule" in again["msg"]
    # What is in the way of packets is not in the way of the rule's end.
    host.do("topology", name="lab", state="absent")
    assert "masquerade" not in host.sh("nft list ruleset")


def test_nft_s_rules_in_a_table_of_iptables(host: Host) -> None:
    """iptables cannot read such a table any more: nft's own view serves, unless comments hide in it."""
    host.sh("iptables-nft -P FORWARD DROP; nft add rule ip filter FORWARD ct state established accept")
    assert "incompatible" in host.sh("iptables-nft-save")
    converge(host, forward_accept={**BRIDGE, "replies": True})
    assert len(rules(host, "ip filter FORWARD")) == 3
    host.sh("nft flush chain ip filter FORWARD")
    host.sh("iptables-nft -A FORWARD -m comment --comment hidden -j ACCEPT")
    host.sh("nft add rule ip filter FORWARD ct state established accept")
    assert "cannot be read" in observe(host).unseen


def test_tables_of_iptables_that_were_there_stay_as_they_were(host: Host) -> None:
    host.sh("iptables-nft -P FORWARD ACCEPT; iptables-nft -t nat -A POSTROUTING -j ACCEPT")
    host.sh("iptables-nft -t nat -F")
    before = host.sh("nft list ruleset")
    entries = {kind: {**options, "backend": "iptables"} for kind, options in BOTH.items()}
    converge(host, **entries)
    converge(host, **gone(entries))
    assert host.sh("nft list ruleset") == before


def test_not_being_able_to_look_is_an_error(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = "/run/broken"
    host.sh(f"printf '#!/bin/sh\\necho no such luck >&2\\nexit 1\\n' > {broken}; chmod +x {broken}")
    found = programs.installed()
    monkeypatch.setattr(programs, "installed", lambda: {**found, "nft": broken})
    with pytest.raises(AssertionError, match="cannot list the nftables rules in the host: no such luck"):
        observe(host)
    monkeypatch.setattr(programs, "installed", lambda: {name: found[name] for name in ("iptables-nft",)})
    host.sh("iptables-legacy -P FORWARD DROP")
    assert "iptables-legacy is not installed" in observe(host).unseen


def test_a_kernel_without_nf_tables_has_no_such_rules(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = "/run/broken"
    said = "netlink: Error: cache initialization failed: Protocol not supported"
    host.sh(f"printf '#!/bin/sh\\necho {said} >&2\\nexit 1\\n' > {broken}; chmod +x {broken}")
    monkeypatch.setattr(programs, "installed", lambda: {"nft": broken})
    found = observe(host)
    assert found.tools == frozenset()
    assert "not supported" in found.nft_said


def test_looking_leaves_no_trace(host: Host) -> None:
    found = observe(host)
    assert (found.rules, found.chains, found.tables, found.legacy, found.unseen) == ((), (), (), False, "")
    assert ruleset(host) == []
    assert host.sh("cat /proc/net/ip_tables_names /proc/net/ip6_tables_names") == ""


@pytest.fixture
def router(host: Host) -> Host:
    """a and c on two sides of the namespace r, which forwards."""
    host.sh(
        """
        for ns in a r c; do
            ip netns add $ns; ip -n $ns link set lo up
            ip netns exec $ns sysctl -qw net.ipv6.conf.default.accept_dad=0
        done
        ip link add ra netns r type veth peer name eth0 netns a
        ip link add rc netns r type veth peer name eth0 netns c
        for pair in 'a eth0 10.1.0.1/24 fd01::1/64' 'r ra 10.1.0.254/24 fd01::fe/64' \
                    'r rc 10.2.0.254/24 fd02::fe/64' 'c eth0 10.2.0.1/24 fd02::1/64'; do
            set -- $pair
            ip -n $1 address add $3 dev $2; ip -n $1 address add $4 dev $2 nodad; ip -n $1 link set $2 up
        done
        ip -n a route add default via 10.1.0.254; ip -n a route add default via fd01::fe
        ip -n c route add default via 10.2.0.254; ip -n c route add default via fd02::fe
        """
    )
    host.sh("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1", "r")
    assert until(lambda: pings_now(host, "10.2.0.1") and pings_now(host, "fd02::1"))
    return host


def pings_now(host: Host, target: str, netns: str = "a") -> bool:
    return "1 received" in host.sh(f"ping -n -c1 -W0.3 {target} || true", netns)


@pytest.mark.parametrize("program", ["iptables-nft", "iptables-legacy", "nft"])
@pytest.mark.parametrize("target", ["10.2.0.1", "fd02::1"])
def test_an_accept_lets_packets_through(router: Host, program: str, target: str) -> None:
    """Both ways only with replies, or with a rule for each."""
    if program == "nft":
        router.sh(
            "nft add table inet f; nft add chain inet f f '{type filter hook forward priority 0;policy drop;}'", "r"
        )
    else:
        router.sh(f"{program} -P FORWARD DROP; {program.replace('ip', 'ip6', 1)} -P FORWARD DROP", "r")
    assert not pings_now(router, target)
    entry = {"in_interface": "ra", "out_interface": "rc"}
    converge(router, "r", forward_accept=entry)
    assert not pings_now(router, target)
    converge(router, "r", forward_accept={**entry, "replies": True})
    assert router.pings(target, "a")
    back = {"10.2.0.1": "10.1.0.1", "fd02::1": "fd01::1"}[target]
    assert not pings_now(router, back, "c")
    converge(router, "r", forward_accept={**entry, "state": "absent"})
    assert not pings_now(router, target)


@pytest.mark.parametrize("backend", ["nftables", "iptables"])
@pytest.mark.parametrize(
    ("target", "source", "seen"), [("10.2.0.1", "10.1.0.0/24", "10.2.0.254"), ("fd02::1", "fd01::/64", "fd02::fe")]
)
def test_masquerade_changes_the_source(router: Host, backend: str, target: str, source: str, seen: str) -> None:
    """c has no way back to a: only a translated packet is answered."""
    router.sh("ip route del default; ip -6 route del default", "c")
    assert not pings_now(router, target)
    entry = {"source": source, "out_interface": "!ra", "backend": backend}
    converge(router, "r", masquerade=entry)
    assert router.pings(target, "a")
    family = "ip6" if ":" in seen else "ip"
    router.sh(
        f"nft add table inet t; nft add chain inet t t '{{type filter hook input priority 0;}}'; "
        f"nft add rule inet t t {family} saddr {seen} counter",
        "c",
    )
    assert router.pings(target, "a")
    assert "packets 0" not in router.sh("nft list ruleset", "c")
    converge(router, "r", masquerade={**entry, "state": "absent"})
    assert ruleset(router, "r") == []


def test_a_host_s_rules_are_not_those_of_its_namespaces(router: Host) -> None:
    converge(router, "r", **BOTH)
    assert ruleset(router) == []
    assert ruleset(router, "a") == []
    assert observe(router).rules == ()
    assert len(observe(router, "r").rules) == 3
