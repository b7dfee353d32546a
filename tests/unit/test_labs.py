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


@pytest.mark.parametrize(
    ("lab", "variables", "message"),
    [
        *[
            (lab, {f"{lab}_namespaces": -1}, f"{lab}_namespaces is -1; 0 or more is right")
            for lab in ("bridge_trunk", "bridged", "fastpath", "nat_gateway", "proxy_arp", "routed")
        ],
        ("calico", {"calico_namespaces": 0}, "calico_namespaces is 0; 1 or more is right"),
        (
            "bridged",
            {"bridged_namespaces": 6, "bridged_subnet": "10.1.0.0/29"},
            "bridged_namespaces is 6; namespace 6 would have the address of the bridge, 10.1.0.6/29",
        ),
        (
            "bridged",
            {"bridged_namespaces": 300, "bridged_gateway": False, "bridged_outside": False},
            "host_address: 10.1.0.0/24 has no address number 256: it has 256",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_a_number_of_namespaces_that_cannot_be(lab: str, variables: dict[str, Any], message: str) -> None:
    assert message in refusal(lab, variables)


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
