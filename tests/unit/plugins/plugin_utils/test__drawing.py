# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import random
import re
from typing import Any

import pytest

from ansible_collections.nsfabric.linux.plugins.plugin_utils import _drawing
from ansible_collections.nsfabric.linux.plugins.plugin_utils._drawing.canvas import width

HOSTILE = '"]; end --> %% <b>&#`{|}\\'


def star(count: int) -> dict[str, Any]:
    numbers = range(1, count + 1)
    return {
        "netns": [{"name": f"ns{i}"} for i in numbers],
        "bridge": [{"name": "br0", "addresses": ["10.1.0.254/24"]}],
        "veth": [
            {
                "name": f"veth{i}",
                "netns": f"ns{i}",
                "addresses": [f"10.1.0.{i}/24", f"fd00:10:1::{i:x}/64"],
                "peer": {"name": f"br-veth{i}", "master": "br0"},
            }
            for i in numbers
        ],
        "netns_route": [{"netns": f"ns{i}", "destination": "default", "gateway": "10.1.0.254"} for i in numbers],
        "masquerade": [{"source": "10.1.0.0/24", "out_interface": "!br0"}],
        "forward_accept": [{"in_interface": "br0", "replies": True}],
        "netns_sysctl": [{"name": "net.ipv4.ip_forward", "value": True}],
    }


def with_uplink(document: dict[str, Any]) -> dict[str, Any]:
    """As it is read back from a live host."""
    route = {"destination": "default", "gateway": "192.0.2.1", "device": "eth0", "metric": 0, "table": "main"}
    return {
        **document,
        "link": [
            {"name": "eth0", "addresses": ["192.0.2.10/24"], "mac": "02:00:00:00:00:01", "mtu": 1500, "up": True},
            {"name": "lo", "addresses": ["127.0.0.1/8", "::1/128"], "mtu": 65536},
        ],
        "netns_route": [*document["netns_route"], route],
    }


def trunk() -> dict[str, Any]:
    ends = [("ns1", "br0"), ("ns2", "br0"), ("ns3", "br1")]
    cables = [{"name": "veth", "netns": netns, "peer": {"name": f"to-{netns}", "master": br}} for netns, br in ends]
    joint = {"name": "trunk0", "master": "br0", "peer": {"name": "trunk1", "master": "br1"}}
    return {"bridge": [{"name": "br0"}, {"name": "br1"}], "veth": [joint, *cables]}


def drawn(document: object, columns: int = 100) -> str:
    return _drawing.text(_drawing.build(document), columns)


def picture(text: str) -> str:
    """A drawing in a test, without its margins."""
    lines = [line[4:] for line in text.strip("\n").split("\n")]
    return "\n".join(lines).rstrip()


def test_star_on_a_bridge() -> None:
    assert drawn(with_uplink(star(2))) == picture("""
                                       ┌─ host ─────────────────────────────────┐
    ┌─ ns1 ──────────────────────┐     │            ┏━ br0 ━━━━━━━━━┓           │
    │ veth1  10.1.0.1/24         ├─────┤ br-veth1 ──┨ 10.1.0.254/24 ┃           │
    │        fd00:10:1::1/64     │     │            ┃               ┃           │
    │   → default via 10.1.0.254 │     │            ┃               ┃           │
    └────────────────────────────┘     │            ┃               ┃           │
    ┌─ ns2 ──────────────────────┐     │            ┃               ┃           │
    │ veth2  10.1.0.2/24         ├─────┤ br-veth2 ──┨               ┃           │
    │        fd00:10:1::2/64     │     │            ┃               ┃           │
    │   → default via 10.1.0.254 │     │            ┃               ┃           │
    └────────────────────────────┘     │            ┗━━━━━━━━━━━━━━━┛           │
                                       │ NAT     10.1.0.0/24 out of any but br0 │
                                       │ accept  br0 → any, and the replies     │
                                       │ sysctl  net.ipv4.ip_forward = 1        │
                                       │                                        │
                                       │ eth0  192.0.2.10/24                    │
                                       │   → default via 192.0.2.1              │
                                       └──┬─────────────────────────────────────┘
                                          └── NAT ── outside
    """)


def test_pair_stands_face_to_face() -> None:
    document = {
        "veth": [
            {
                "name": "veth1",
                "netns": "ns1",
                "addresses": ["10.0.1.0/24"],
                "peer": {"name": "veth2", "netns": "ns2", "addresses": ["10.0.2.0/24"]},
            }
        ],
        "netns_route": [{"netns": "ns1", "dest": "10.0.2.0/24", "dev": "veth1"}],
    }
    assert drawn(document) == picture("""
    ┌─ ns1 ──────────────┐     ┌─ ns2 ──────────────┐
    │ veth1  10.0.1.0/24 ├─────┤ veth2  10.0.2.0/24 │
    │   → 10.0.2.0/24    │     │                    │
    └────────────────────┘     └────────────────────┘
    """)


def test_routed_star_says_what_each_end_does() -> None:
    document = {
        "veth": [
            {"name": f"veth{i}", "netns": f"ns{i}", "addresses": [f"10.0.0.{i}/32"], "peer": {"name": f"host{i}"}}
            for i in (1, 2)
        ],
        "netns_route": [{"destination": f"10.0.0.{i}/32", "device": f"host{i}"} for i in (1, 2)],
        "netns_sysctl": [{"name": "net/ipv4/conf/host1/proxy_arp", "value": 1}],
    }
    assert drawn(document) == picture("""
    ┌─ ns1 ──────────────┐     ┌─ host ──────────┐
    │ veth1  10.0.0.1/32 ├─────┤ host1           │
    │                    │     │   → 10.0.0.1/32 │
    │                    │     │   proxy_arp = 1 │
    └────────────────────┘     │                 │
    ┌─ ns2 ──────────────┐     │                 │
    │ veth2  10.0.0.2/32 ├─────┤ host2           │
    │                    │     │   → 10.0.0.2/32 │
    └────────────────────┘     └─────────────────┘
    """)


def test_trunk_joins_two_bridges() -> None:
    assert drawn(trunk()) == picture("""
                  ┌─ host ─────────────────┐
    ┌─ ns1 ─┐     │          ┏━ br0 ━━━━┓  │
    │ veth  ├─────┤ to-ns1 ──┨          ┃  │
    └───────┘     │          ┃          ┃  │
    ┌─ ns2 ─┐     │          ┃          ┃  │
    │ veth  ├─────┤ to-ns2 ──┨          ┃  │
    └───────┘     │          ┗━━━━━━━━┯━┛  │
                  │            trunk0 │    │
                  │            trunk1 │    │
    ┌─ ns3 ─┐     │          ┏━ br1 ━━┷━┓  │
    │ veth  ├─────┤ to-ns3 ──┨          ┃  │
    └───────┘     │          ┗━━━━━━━━━━┛  │
                  └────────────────────────┘
    """)


def test_cable_within_the_host() -> None:
    document = {
        "veth": [{"name": "veth1a", "addresses": ["10.1.0.1/24"], "peer": {"name": "veth1b"}}],
        "netns_sysctl": [{"name": "net.ipv4.conf.veth1a.accept_local", "value": 1}],
    }
    assert drawn(document) == picture("""
    ┌─ host ──────────────────┐
    │ veth1a  10.1.0.1/24 ──┐ │
    │   accept_local = 1    │ │
    │ veth1b ───────────────┘ │
    └─────────────────────────┘
    """)


def test_ring_of_namespaces_has_a_lane_for_every_cable() -> None:
    cables = [(f"n{i}", f"n{(i + 1) % 4}", i) for i in range(4)]
    document = {
        "veth": [{"name": f"a{i}", "netns": near, "peer": {"name": f"b{i}", "netns": far}} for near, far, i in cables]
    }
    text = drawn(document)
    assert text.count("┐ ") + text.count("┐\n") >= 4
    assert all(re.search(rf"{end}{i} +├─|─┤ {end}{i}", text) for end in "ab" for i in range(4))


def test_more_than_eight_are_one_line_each() -> None:
    lines = drawn(star(60)).split("\n")
    assert [line for line in lines if "br-veth17 " in line] == [
        "ns17  veth17  10.1.0.17/24 fd00:10:1::11/64 ───┤ br-veth17 ──┨               ┃          │"
    ]
    assert lines[-1] == "every namespace:  → default via 10.1.0.254"
    assert max(width(line) for line in lines) <= 100


def test_facts_of_some_name_their_namespaces() -> None:
    document = star(12)
    del document["netns_route"][4:6]
    document["netns_sysctl"].append({"netns": "ns9", "name": "net.ipv4.ip_forward", "value": 0})
    assert drawn(document).split("\n")[-2:] == [
        "ns1 … ns4, ns7 … ns12:  → default via 10.1.0.254",
        "ns9:  net.ipv4.ip_forward = 0",
    ]


def test_addresses_move_below_the_name_where_columns_are_few() -> None:
    document = {
        "veth": [
            {
                "name": "a-long-name-1",
                "netns": "ns1",
                "addresses": ["fd00:1111:2222:3333:4444::1/64"],
                "peer": {"name": "a-long-name-2", "netns": "ns2", "addresses": ["fd00:1111:2222:3333:4444::2/64"]},
            }
        ]
    }
    assert "a-long-name-1  fd00" in drawn(document, 120)
    narrow = drawn(document, 80)
    assert "│ a-long-name-1                    ├" in narrow
    assert "│   fd00:1111:2222:3333:4444::1/64 │" in narrow


def test_bridges_that_would_cross_are_told_in_words() -> None:
    document = {
        "veth": [
            {"name": f"v{b}", "netns": f"ns{i}", "peer": {"name": f"p{i}{b}", "master": f"br{b}"}}
            for i in (1, 2)
            for b in (0, 1)
        ]
    }
    text = drawn(document)
    assert all(words in text for words in ("p10 in br0", "p21 in br1", "bridge br0", "bridge br1"))


@pytest.mark.parametrize("seed", range(300))
def test_nothing_is_ever_cut_off(seed: int) -> None:
    """Every name and address is in the drawing, whatever the topology."""
    graph = _drawing.build(_any_topology(random.Random(seed)))
    words = set(re.split(r"[\s│┃├┤─┨┬]+", _drawing.text(graph)))
    for device in graph.devices().values():
        assert {device.name, *device.addresses} <= words


def _any_topology(choice: random.Random) -> dict[str, Any]:
    places = [None, "ns1", "ns2", "网络", *(f"m{i}" for i in range(choice.choice([0, 0, 12])))]
    numbers = iter(range(1000))

    def end() -> dict[str, Any]:
        addresses = [f"10.{choice.randint(0, 9)}.0.1/24", "fd00:1111:2222:3333::1/64"][: choice.randint(0, 2)]
        master = choice.choice([None, None, "br0", "br1", "br2"])
        return {"name": f"d{next(numbers)}", "netns": choice.choice(places), "addresses": addresses, "master": master}

    return {
        "veth": [{**end(), "peer": end()} for dummy in range(choice.randint(0, 3 * len(places)))],
        "link": [end() for dummy in range(choice.randint(1, 3))],
        "masquerade": [{"netns": choice.choice(places), "out_interface": choice.choice([None, "!br0", "d1"])}],
    }


def test_order_of_the_document_does_not_matter() -> None:
    document = with_uplink(star(5))
    reversed_document = {kind: entries[::-1] for kind, entries in reversed(list(document.items()))}
    for renderer in (_drawing.text, _drawing.mermaid, _drawing.dot):
        assert renderer(_drawing.build(reversed_document)) == renderer(_drawing.build(document))


def test_both_ends_reported_are_one_cable() -> None:
    near = {"name": "a", "netns": "ns1"}
    far = {"name": "b", "netns": "ns2"}
    graph = _drawing.build({"veth": [{**near, "peer": far}, {**far, "peer": near}]})
    assert graph.cables == ((("ns1", "a"), ("ns2", "b")),)


@pytest.mark.parametrize(
    ("more", "uplinks"),
    [
        ({}, []),
        ({"link": [{"name": "eth0"}]}, []),
        ({"masquerade": [{"out_interface": "!br0"}]}, ["uplink"]),
        ({"masquerade": [{"out_interface": "eth0"}]}, ["eth0"]),
        ({"link": [{"name": "eth0"}, {"name": "eth1"}], "masquerade": [{"out_interface": "eth1"}]}, ["eth1"]),
        ({"link": [{"name": "eth0"}, {"name": "eth1"}], "masquerade": [{}]}, ["eth0", "eth1"]),
        ({"link": [{"name": "eth0"}], "netns_route": [{"destination": "::/0", "device": "eth9"}]}, ["eth9"]),
        (
            {
                "link": [{"name": "eth0", "addresses": ["192.0.2.9/24"]}, {"name": "eth1"}],
                "netns_route": [{"destination": "default", "gateway": "192.0.2.1"}],
            },
            ["eth0"],
        ),
        (
            {
                "link": [{"name": "eth0"}, {"name": "eth1"}],
                "bridge": [{"name": "br0", "ports": ["eth0"]}],
                "netns_route": [{"destination": "default", "device": "br0"}],
            },
            ["eth0"],
        ),
    ],
)
def test_uplinks(more: dict[str, Any], uplinks: list[str]) -> None:
    graph = _drawing.build({"veth": [{"name": "a", "netns": "ns1", "peer": {"name": "b"}}], **more})
    assert [device.name for device in graph.boxes[-1].uplinks] == uplinks


def test_exits_are_named_where_there_are_several() -> None:
    text = drawn({"link": [{"name": "eth0"}, {"name": "eth1"}], "masquerade": [{"source": "10.0.0.0/8"}]})
    assert text.split("\n")[-2:] == ["   ├── eth0 ── NAT ── outside", "   └── eth1 ── NAT ── outside"]


def test_facts_and_state() -> None:
    document = {
        "veth": [{"name": "a", "netns": "ns1", "up": False, "mtu": 9000, "peer": {"name": "b"}}],
        "netns_neighbor": [
            {"netns": "ns1", "dev": "a", "address": "10.0.0.9", "mac_of": {"netns": "ns2", "name": "x"}},
            {"device": "b", "address": "10.0.0.8", "proxy": True},
            {"device": "b", "address": "10.0.0.7", "mac": "02:00:00:00:00:07"},
        ],
        "netns_route": [
            {"netns": "ns1", "destination": "10.9.0.0/16", "protocol": "kernel", "device": "a"},
            {"netns": "ns1", "destination": "10.8.0.0/16", "type": "blackhole"},
            {"dest": "10.7.0.0/16", "via": "10.0.0.1", "dev": "b", "src": "10.0.0.2", "metric": 5, "onlink": True},
            {"destination": "default", "nexthops": [{"via": "10.0.0.3", "dev": "b"}, {"dev": "c"}]},
        ],
        "netns_sysctl": [{"name": "net/ipv4/conf/eth0.100/rp_filter", "value": 2}],
        "fastpath": [{"name": "f", "ends": [{"device": "b", "addresses": ["10.0.0.9"]}, {"device": "c"}]}],
    }
    text = drawn(document)
    for words in (
        "a (down, mtu 9000)",
        "neighbour 10.0.0.9 at ns2/x",
        "proxy for 10.0.0.8",
        "neighbour 10.0.0.7 at 02:00:00:00:00:07",
        "→ blackhole 10.8.0.0/16",
        "→ 10.7.0.0/16 via 10.0.0.1 src 10.0.0.2 metric 5 onlink",
        "→ default via 10.0.0.3 dev b dev c",
        "eth0.100",
        "rp_filter = 2",
        "b (10.0.0.9) ⇄ c, past the IP stack",
    ):
        assert words in text
    assert "10.9.0.0" not in text


def test_wide_and_hostile_names_keep_the_frame_straight() -> None:
    document = {
        "veth": [
            {"name": "网卡", "netns": "命名", "addresses": ["10.0.0.1/24"], "peer": {"name": "e\u0301\x1b[31m"}},
            {"name": HOSTILE, "netns": HOSTILE, "peer": {"name": "b"}},
        ]
    }
    lines = drawn(document).split("\n")
    assert len({width(line) for line in lines if line.endswith(("│", "┐", "┘"))}) == 1
    assert "\x1b" not in "\n".join(lines)
    assert any(r"\x1b[31m" in line for line in lines)


def test_host_and_a_namespace_called_host_differ() -> None:
    text = drawn({"veth": [{"name": "a", "netns": "host", "peer": {"name": "b"}}]})
    assert "┌─ netns host ─" in text
    assert "┌─ host ─" in text


def test_absent_and_empty() -> None:
    assert drawn({"netns": [{"name": "ns1", "state": "absent"}], "veth": None}) == (
        "(nothing to draw: the topology is empty)"
    )
    assert drawn({"netns": [{"name": "b"}, {"name": "a"}]}) == "┌─ a ─┐\n└─────┘\n┌─ b ─┐\n└─────┘"


def test_mermaid() -> None:
    chart = _drawing.mermaid(_drawing.build(with_uplink(star(1))))
    assert chart.split("\n") == [
        "flowchart TB",
        '  subgraph b0["ns1"]',
        '    d0["veth1<br/>10.1.0.1/24<br/>fd00:10:1::1/64<br/>→ default via 10.1.0.254"]',
        "  end",
        '  subgraph b1["host"]',
        '    d1{{"br0<br/>10.1.0.254/24"}}:::bridge',
        '    d2["br-veth1"]',
        '    d3(["eth0<br/>192.0.2.10/24<br/>→ default via 192.0.2.1"])',
        '    b1n["NAT 10.1.0.0/24 out of any but br0<br/>accept br0 → any, and the replies'
        '<br/>sysctl net.ipv4.ip_forward = 1"]:::note',
        "    d2 --- d1",
        "  end",
        "  d0 --- d2",
        '  outside(("outside")):::outside',
        "  d1 ~~~ d3",
        '  d3 ==>|"NAT 10.1.0.0/24"| outside',
        "  classDef bridge stroke-width:3px",
        "  classDef note stroke-dasharray:4 3",
        "  classDef outside stroke-dasharray:8 4",
    ]


def test_mermaid_turns_with_the_number_of_namespaces() -> None:
    assert _drawing.mermaid(_drawing.build(star(4))).startswith("flowchart TB\n")
    assert _drawing.mermaid(_drawing.build(star(5))).startswith("flowchart LR\n")


@pytest.mark.parametrize(
    ("name", "label"),
    [
        (HOSTILE, "#34;#93;#59; end --#62; #37;#37; #60;b#62;#38;#35;#96;#123;#124;#125;#92;"),
        ("- a", "#45; a"),
        ("10. a", "10#46; a"),
        ("网卡", "网卡"),
        ("a\nb", "a#92;nb"),
    ],
)
def test_mermaid_escapes(name: str, label: str) -> None:
    assert f'subgraph b0["{label}"]' in _drawing.mermaid(_drawing.build({"netns": [{"name": name}]}))


def test_dot() -> None:
    lines = _drawing.dot(_drawing.build(with_uplink(star(1)))).split("\n")
    assert lines[0] == "graph topology {"
    assert lines[-1] == "}"
    for line in (
        '    d0 [label="veth1\\n10.1.0.1/24\\nfd00:10:1::1/64\\n→ default via 10.1.0.254"]',
        "    d2 -- d1",
        "  d0 -- d2",
        "  d1 -- d3 [style=invis]",
        '  d3 -- outside [style=bold, dir=forward, label="NAT 10.1.0.0/24"]',
    ):
        assert line in lines


def test_dot_escapes() -> None:
    graph = _drawing.build({"netns": [{"name": HOSTILE}]})
    assert 'label="\\"]; end --> %% <b>&amp;#`{|}\\\\";' in _drawing.dot(graph)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (
            [],
            "a topology document is expected, that is, a dictionary such as "
            "{veth: [{name: veth1, netns: ns1, peer: {name: br-veth1, master: br0}}]}, not a value of type list",
        ),
        ({"vet": []}, "vet: not part of a topology document, which has netns, link, veth, "),
        ({"config": {}, "name": "lab"}, "; pass the value of its 'config' alone"),
        ({"netns": "ns1"}, "netns: a list is expected, such as [{name: ns1}], not the string 'ns1'"),
        ({"netns": ["ns1"]}, "netns[0]: a dictionary is expected, such as {name: ns1}, not the string 'ns1'"),
        ({"bridge": [{}]}, "bridge[0]: name is missing; right would be {name: br0, addresses: [10.1.0.254/24]}"),
        ({"veth": [{"name": "a", "peer": "b"}]}, "veth[0]: peer must be a dictionary with a name; right would be "),
    ],
)
def test_wrong_input_is_named(document: object, message: str) -> None:
    with pytest.raises(_drawing.DrawingError, match=re.escape(message)):
        _drawing.build(document)
