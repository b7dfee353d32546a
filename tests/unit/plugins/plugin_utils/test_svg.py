# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SVG drawings: valid XML in which no text meets another text, a line, or a border."""

from __future__ import annotations

import itertools
import random
import re
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import pytest

from ansible_collections.nsfabric.linux.plugins.plugin_utils import _drawing
from ansible_collections.nsfabric.linux.plugins.plugin_utils._drawing.canvas import width

SVG = "{http://www.w3.org/2000/svg}"
CELL = 7.9  # as wide as a character of 13 pixels is in the fonts that the drawing names
HOSTILE = ("</text><script>", "]]>", "&amp;", "a<b>&'\"", "eth\x00\x1b[0m\u2028", "网络接口", "--><!--", "%s{{x}}")


@dataclass(frozen=True)
class Area:
    left: float
    top: float
    right: float
    bottom: float
    text: str = ""

    def meets(self, other: Area) -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def holds(self, other: Area) -> bool:
        across = self.left <= other.left and other.right <= self.right
        return across and self.top <= other.top and other.bottom <= self.bottom


def drawn(document: dict[str, Any], title: str = "") -> ElementTree.Element:
    return ElementTree.fromstring(_drawing.svg(_drawing.build(document), title))


def texts(root: ElementTree.Element) -> list[Area]:
    """What every text covers: from the ascenders to the descenders of a font of 13 pixels."""
    found = []
    for text in root.iter(f"{SVG}text"):
        x, y, said = float(text.attrib["x"]), float(text.attrib["y"]), text.text or ""
        found.append(Area(x, y - 11, x + width(said) * CELL, y + 3, said))
    return found


def borders(root: ElementTree.Element) -> list[Area]:
    found = []
    for rect in root.iter(f"{SVG}rect"):
        x, y, across, down = (float(rect.get(key, 0)) for key in ("x", "y", "width", "height"))
        found.append(Area(x, y, x + across, y + down))
    return found


def strokes(root: ElementTree.Element) -> list[Area]:
    """The straight pieces of every line, as thick as they are drawn."""
    found = []
    for path in root.iter(f"{SVG}path"):
        points = [tuple(map(float, point.split())) for point in re.findall(r"[ML]([^ML]+)", path.attrib["d"])]
        for (x, y), (u, v) in itertools.pairwise(points):
            assert x == u or y == v, "a line that is not straight across or down"
            found.append(Area(min(x, u) - 1, min(y, v) - 1, max(x, u) + 1, max(y, v) + 1))
    return found


def check(document: dict[str, Any], title: str = "") -> list[str]:
    """No text meets anything; returns what is said."""
    root = drawn(document, title)
    words, frames = texts(root), borders(root)
    whole = Area(0, 0, float(root.attrib["width"]), float(root.attrib["height"]))
    for one, other in itertools.combinations(words, 2):
        assert not one.meets(other), (one, other)
    for text in words:
        assert whole.holds(text), text
        assert not [stroke for stroke in strokes(root) if stroke.meets(text)], text
        assert not [frame for frame in frames if frame.meets(text) and not frame.holds(text)], text
    for one, other in itertools.combinations(frames, 2):
        assert not one.meets(other) or one.holds(other) or other.holds(one), (one, other)
    return [text.text for text in words]


def star(count: int, bridges: int = 1, uplinks: int = 1) -> dict[str, Any]:
    numbers = range(1, count + 1)
    return {
        "netns": [{"name": f"ns{n}"} for n in numbers],
        "bridge": [{"name": f"br{n}", "addresses": [f"10.{n}.0.254/24"]} for n in range(bridges)],
        "veth": [
            {
                "name": f"veth{n}",
                "netns": f"ns{n}",
                "addresses": [f"10.{n % bridges}.0.{n}/24", f"fd00:10:1::{n:x}/64"],
                "peer": {"name": f"br-veth{n}", "master": f"br{n % bridges}"},
            }
            for n in numbers
        ],
        "netns_route": [
            *({"netns": f"ns{n}", "destination": "default", "gateway": f"10.{n % bridges}.0.254"} for n in numbers),
            *({"destination": "default", "gateway": f"192.0.2.{n}", "device": f"eth{n}"} for n in range(uplinks)),
        ],
        "masquerade": [{"source": f"10.{n}.0.0/24", "out_interface": f"!br{n}"} for n in range(bridges)],
        "netns_sysctl": [{"name": "net.ipv4.ip_forward", "value": True}],
        "link": [{"name": f"eth{n}", "addresses": [f"192.0.2.1{n}/24"]} for n in range(uplinks)],
    }


def cable(near: str, far: str, number: int) -> dict[str, Any]:
    ends = [{"name": f"to-{end}", "addresses": [f"10.{number}.0.1/24"]} for end in (far, near)]
    return {**ends[0], "netns": near, "peer": {**ends[1], "netns": far}}


ROUTED = {
    "veth": [
        {"name": f"v{n}", "netns": f"h{n}", "peer": {"name": f"p{n}", "addresses": [f"10.0.{n}.1/32"]}}
        for n in range(1, 13)
    ],
    "netns_route": [
        *({"destination": f"10.0.{n}.2/32", "device": f"p{n}"} for n in range(1, 13)),
        *({"netns": f"h{n}", "destination": "default", "gateway": f"10.0.{n}.1", "device": f"v{n}"} for n in range(13)),
    ],
}
TRUNK = {
    **star(4, bridges=2),
    "veth": [*star(4, bridges=2)["veth"], {"name": "t0", "master": "br0", "peer": {"name": "t1", "master": "br1"}}],
}
INSIDE = {"veth": [{"name": "veth1a", "addresses": ["10.1.1.2/24"], "peer": {"name": "veth1b", "up": False}}]}
PICTURES = {
    "a star": star(2),
    "60 namespaces": star(60),
    "two bridges and uplinks": star(21, bridges=2, uplinks=3),
    "five bridges": star(7, bridges=5),
    "a trunk": TRUNK,
    "12 routed namespaces": ROUTED,
    "a cable within the host": INSIDE,
    "a chain": {"veth": [cable("a", "b", 1), cable("b", "c", 2), cable("c", "d", 3)]},
    "a ring": {"veth": [cable(f"n{n}", f"n{(n + 1) % 6}", n) for n in range(6)]},
    "30 pairs": {"veth": [cable(f"a{n}", f"b{n}", n) for n in range(30)]},
    "20 namespaces without a cable": {"netns": [{"name": f"ns{n}"} for n in range(20)]},
    "nothing": {},
}


@pytest.mark.parametrize("name", PICTURES)
def test_no_text_meets_anything(name: str) -> None:
    said = check(PICTURES[name], title=f"{name} <&>")
    assert said[0] == f"{name} <&>"


def test_all_of_sixty_namespaces_is_told() -> None:
    said = check(star(60))
    for n in range(1, 61):
        assert {f"ns{n}", f"veth{n}", f"br-veth{n}", f"10.0.0.{n}/24 fd00:10:1::{n:x}/64"} <= set(said)
    assert {"host", "br0", "10.0.0.254/24", "every namespace:", "→ default via 10.0.0.254", "outside"} <= set(said)


def test_many_namespaces_stand_on_both_sides() -> None:
    root = drawn(star(60))
    assert float(root.attrib["height"]) < 2 * float(root.attrib["width"])


def test_what_is_masqueraded_stands_at_the_way_out() -> None:
    root = drawn(star(2))
    outside = next(text for text in texts(root) if text.text == "outside")
    label = next(text for text in texts(root) if text.text == "NAT" and text.bottom < outside.top < text.bottom + 40)
    assert any(text.top == label.top and text.text == "10.0.0.0/24" for text in texts(root))


def test_hostile_names_are_text() -> None:
    document = {
        "veth": [
            {"name": name, "netns": f"{name}-{n}", "addresses": [name], "peer": {"name": f"{n}-{name}", "master": name}}
            for n, name in enumerate(HOSTILE)
        ]
    }
    said = " ".join(check(document, title=HOSTILE[0]))
    assert all(name in said for name in HOSTILE if name.isprintable())
    assert {element.tag for element in drawn(document).iter()} <= {
        f"{SVG}{tag}" for tag in ("svg", "style", "rect", "path", "circle", "text")
    }


@pytest.mark.parametrize("seed", range(6))
def test_any_mesh(seed: int) -> None:
    dice = random.Random(seed)
    places = [None, *(f"ns{n}" for n in range(dice.randrange(2, 14)))]
    bridges = [{"name": f"br{n}", "netns": dice.choice(places)} for n in range(dice.randrange(4))]
    cables = []
    for n in range(dice.randrange(1, 30)):
        ends: list[dict[str, Any]] = []
        for side in "ab":
            ends.append({"name": f"{side}{n}", "netns": dice.choice(places), "addresses": [f"10.0.{n}.1/24"] * (n % 3)})
            ports = [bridge["name"] for bridge in bridges if bridge["netns"] == ends[-1]["netns"]]
            ends[-1]["master"] = dice.choice([None, *ports])
        cables.append({**ends[0], "peer": ends[1]})
    check({"bridge": bridges, "veth": cables})


def test_the_same_topology_is_the_same_picture() -> None:
    shuffled = {kind: random.Random(1).sample(entries, len(entries)) for kind, entries in star(12).items()}
    assert _drawing.svg(_drawing.build(shuffled)) == _drawing.svg(_drawing.build(star(12)))
