# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the roles build from their defaults: right by the specs and the schema, and drawn on the labs' pages."""

from __future__ import annotations

import re
from typing import Any

import pytest
from jsonschema import Draft7Validator

from ansible_collections.nsfabric.linux.plugins.filter import drawing
from ansible_collections.nsfabric.linux.tests.tools import labs, schema
from ansible_collections.nsfabric.linux.tests.unit import declared
from ansible_collections.nsfabric.linux.tests.unit.declared import ROLES, errors_of_module
from ansible_collections.nsfabric.linux.tests.unit.pages import ROOT, of_page


def refusal(lab: str, variables: dict[str, Any]) -> str:
    """Why a lab's role has no document for these variables."""
    with pytest.raises(labs.Refused) as refused:
        labs.document(lab, **variables)
    return " ".join(str(refused.value).split())


@pytest.mark.parametrize("lab", labs.LABS)
def test_a_lab_is_valid(lab: str) -> None:
    document = labs.document(lab)
    assert errors_of_module("topology", {"name": lab, "config": document}) == []
    assert [error.message for error in Draft7Validator(schema.schema()).iter_errors(document)] == []


@pytest.mark.parametrize("lab", labs.LABS)
def test_the_drawing_of_a_lab_is_current(lab: str) -> None:
    page = ROOT / "docs" / "labs" / f"{lab}.md"
    assert [block.text for block in of_page(page) if block.language == "mermaid"] == [f"{labs.mermaid(lab)}\n"]


def test_the_drawing_of_the_first_role_is_current() -> None:
    uplink = {"link": [{"name": "eth0", "addresses": ["10.211.55.10/24"]}]}
    drawn = drawing.FilterModule().filters()["text_drawing"]({**labs.document("bridged"), **uplink})
    told = next(block for block in of_page(ROOT / "roles" / "bridged" / "README.md") if block.language == "text")
    assert told.text.split("\n") == [*drawn.split("\n"), ""]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_a_scenario(role: str) -> None:
    scenario = ROOT / "extensions" / "molecule" / role
    assert {path.name for path in scenario.iterdir()} >= {"molecule.yml", "inventory"}


@pytest.mark.parametrize("index", ["docs/labs/README.md", "docs/zh/labs/README.md", "tests/site/index.md"])
def test_an_index_has_every_lab(index: str) -> None:
    told = (ROOT / index).read_text(encoding="utf-8")
    assert [lab for lab in labs.LABS if f"/{lab}\n" not in told and f"]({lab}.md)" not in told] == []


BOUNDS = {
    "bridge_trunk": "0 to 1022",
    "bridged": "0 to 1023",
    "calico": "1 to 100000",
    **dict.fromkeys(("fastpath", "nat_gateway", "proxy_arp", "routed"), "0 to 100000"),
}
# These have a subnet of a network for each namespace.
CUT = ("fastpath", "nat_gateway", "proxy_arp", "routed")


@pytest.mark.parametrize(
    ("lab", "variables", "message"),
    [
        *[
            (lab, {f"{lab}_namespaces": number}, f"{lab}_namespaces is {number}; {bounds} is right")
            for lab, bounds in BOUNDS.items()
            for number in (int(bounds.split()[0]) - 1, int(bounds.split()[-1]) + 1, 8589934592)
        ],
        (
            "bridged",
            {"bridged_namespaces": 6, "bridged_subnet": "10.1.0.0/29"},
            "bridged_namespaces is 6; namespace 6 would have the address of the bridge, 10.1.0.6/29",
        ),
        (
            "bridged",
            {"bridged_namespaces": 300, "bridged_gateway": False, "bridged_outside": False},
            "bridged_namespaces is 300; bridged_subnet 10.1.0.0/24 has the addresses number 0 to 255",
        ),
        (
            "bridged",
            {"bridged_namespaces": 0, "bridged_subnet": "10.1.0.0/32"},
            "the number of the bridge is -2; bridged_subnet 10.1.0.0/32 has the addresses number -1 to 0",
        ),
        (
            "bridge_trunk",
            {"bridge_trunk_subnet6": "fd00::/126"},
            "2 * bridge_trunk_namespaces is 4; bridge_trunk_subnet6 fd00::/126 has the addresses number 0 to 3",
        ),
        (
            "calico",
            {"calico_subnet": "10.1.0.0/32"},
            "calico_number is 2; calico_subnet 10.1.0.0/32 has the addresses number 0 to 0",
        ),
        (
            "calico",
            {"calico_namespaces": 255},
            "calico_number + calico_namespaces - 1 is 256; calico_subnet 1.1.1.0/24 has the addresses number 0 to 255",
        ),
        *[
            (
                lab,
                {f"{lab}_namespaces": 256},
                f"{lab}_namespaces is 256; {lab}_network 10.244.0.0/16 has the /24 subnets number 0 to 255",
            )
            for lab in CUT
        ],
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_a_number_of_namespaces_that_cannot_be(lab: str, variables: dict[str, Any], message: str) -> None:
    assert message in refusal(lab, variables)


@pytest.mark.parametrize("lab", CUT)
@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("length", 33, "16 to 32 is right with {lab}_network 10.244.0.0/16"),
        ("length", 15, "16 to 32 is right with {lab}_network 10.244.0.0/16"),
        ("length6", 129, "48 to 128 is right with {lab}_network6 fd00::/48"),
        ("number", 256, "a /24 of {lab}_network 10.244.0.0/16 has the addresses number 0 to 255"),
        ("host_number", -1, "a /24 of {lab}_network 10.244.0.0/16 has the addresses number 0 to 255"),
    ],
)
def test_what_a_network_cannot_be_cut_into(lab: str, variable: str, value: int, message: str) -> None:
    given = {f"{lab}_{variable}": value, f"{lab}_network6": "fd00::/48"}
    assert f"{lab}_{variable} is {value}; {message.format(lab=lab)}" in refusal(lab, given)


@pytest.mark.parametrize(
    ("lab", "variable", "subnet"),
    [
        ("netns_pair", "netns_pair_number_a", "netns_pair_subnet_a"),
        ("netns_pair", "netns_pair_number_b", "netns_pair_subnet_b"),
        ("netns_to_host", "netns_to_host_number", "netns_to_host_subnet"),
        ("netns_to_host", "netns_to_host_host_number", "netns_to_host_subnet"),
        ("veth_pair", "veth_pair_number_a", "veth_pair_subnet"),
        ("veth_pair", "veth_pair_number_b", "veth_pair_subnet"),
    ],
)
def test_a_number_that_a_subnet_does_not_have(lab: str, variable: str, subnet: str) -> None:
    wanted = f"{variable} is 256; {subnet} 10.244.1.0/24 has the addresses number 0 to 255"
    assert wanted in refusal(lab, {variable: 256})
    assert labs.document(lab, **{variable: -2})["veth"]


@pytest.mark.parametrize("lab", [lab for lab, bounds in BOUNDS.items() if bounds.startswith("0 ")])
def test_no_namespaces_at_all(lab: str) -> None:
    document = labs.document(lab, **{f"{lab}_namespaces": 0})
    assert not document["netns"]
    assert not document.get("fastpath")
    assert labs.checks(lab, **{f"{lab}_namespaces": 0}) == []


@pytest.mark.parametrize(
    ("lab", "variable"),
    [(lab, name) for lab in labs.LABS for name in declared.of_role(lab) if re.search("_(subnet|network)6?(_|$)", name)],
)
def test_a_subnet_of_the_other_family(lab: str, variable: str) -> None:
    version, other = ("6", "10.9.0.0/16") if re.search("(subnet|network)6", variable) else ("4", "fd09::/48")
    assert f"{variable} is {other}; an IPv{version} subnet is right" in refusal(lab, {variable: other})


@pytest.mark.parametrize("lab", [lab for lab in labs.LABS if f"{lab}_probe" in declared.of_role(lab)])
def test_addresses_to_try_may_be_typed(lab: str) -> None:
    checks = labs.checks(lab, **{f"{lab}_probe": "8.8.8.8,2001:4860:4860::8888"})
    assert {"8.8.8.8", "2001:4860:4860::8888"} <= {check["to"] for check in checks}
    assert [check["to"] for check in checks if len(check["to"]) < len("8.8.8.8")] == []


def test_names_of_a_trunk_may_be_typed() -> None:
    config = labs.document("bridge_trunk", bridge_trunk_bridges="left,right", bridge_trunk_cable="a,b")
    assert [bridge["name"] for bridge in config["bridge"]] == ["left", "right"]
    assert (config["veth"][0]["name"], config["veth"][0]["peer"]["name"]) == ("a", "b")
    assert {cable["peer"]["master"] for cable in config["veth"][1:]} == {"left", "right"}
