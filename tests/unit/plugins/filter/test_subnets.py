# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.nsfabric.linux.plugins.filter import subnets
from ansible_collections.nsfabric.linux.plugins.filter.subnets import (
    FilterModule,
    bounded,
    dual_stack,
    host_address,
    subnet,
)


@pytest.mark.parametrize(
    ("supernet", "number", "length", "expected"),
    [
        ("10.0.0.0/8", 0, 24, "10.0.0.0/24"),
        ("10.0.0.0/8", 257, 24, "10.1.1.0/24"),
        ("10.0.0.0/8", -1, 24, "10.255.255.0/24"),
        ("10.0.0.0/24", 3, 26, "10.0.0.192/26"),
        ("10.0.0.0/24", 0, 24, "10.0.0.0/24"),
        ("10.0.0.0/30", 3, 32, "10.0.0.3/32"),
        ("fd00::/48", 5, 64, "fd00:0:0:5::/64"),
        ("::/0", -1, 128, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"),
    ],
)
def test_a_subnet_by_its_number(supernet: str, number: int, length: int, expected: str) -> None:
    assert subnet(supernet, number, length) == expected


@pytest.mark.parametrize(
    ("supernet", "number", "length", "message"),
    [
        ("10.0.0.0/24", 4, 26, "has no /26 number 4: it has 4"),
        ("10.0.0.0/24", -5, 26, "has no /26 number -5: it has 4"),
        ("10.0.0.0/24", 0, 23, "no subnets of length 23, only of 24 to 32"),
        ("10.0.0.0/24", 0, 33, "no subnets of length 33, only of 24 to 32"),
        ("10.0.0.1/24", 0, 26, "'10.0.0.1/24' has bits set below its prefix length; the network is 10.0.0.0/24$"),
        ("fd00::1/64", 0, 65, "'fd00::1/64' has bits set below its prefix length; the network is fd00::/64$"),
        ("10.0.0.0/33", 0, 33, "'10.0.0.0/33' does not appear to be an IPv4 or IPv6 network"),
        ("ten", 0, 26, "'ten' does not appear to be an IPv4 or IPv6 network"),
    ],
)
def test_what_is_beyond_is_an_error(supernet: str, number: int, length: int, message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=f"subnet: .*{message}"):
        subnet(supernet, number, length)


def test_an_address_by_its_number() -> None:
    assert host_address(subnet("10.0.0.0/8", 5, 24), 1) == "10.0.5.1/24"
    assert host_address("10.0.5.0/24", -2, length=False) == "10.0.5.254"
    with pytest.raises(AnsibleFilterError, match="has no address number 4: it has 4"):
        host_address("10.0.0.0/30", 4)
    with pytest.raises(AnsibleFilterError, match=r"^host_address: '10.0.0.1/30' has bits set .* is 10.0.0.0/30$"):
        host_address("10.0.0.1/30", 1)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["10.1.0.0/24", "fd00::/64"], ["10.1.0.0/24", "fd00::/64"]),
        (["10.1.0.0/24", ""], ["10.1.0.0/24"]),
        (["", "fd00::/64"], ["fd00::/64"]),
        (["", ""], []),
    ],
)
def test_the_subnets_that_are_given(given: list[str], expected: list[str]) -> None:
    assert dual_stack(given, "a", "b") == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["fd00::/64", ""], "a is fd00::/64; an IPv4 subnet is right"),
        (["10.1.0.0/24", "10.2.0.0/24"], "b is 10.2.0.0/24; an IPv6 subnet is right"),
        (["ten", ""], "a is ten; an IPv4 subnet is right"),
        (["", "fd00::1/64"], "b: 'fd00::1/64' has bits set below its prefix length; the network is fd00::/64"),
        (["10.1.0.0/24"], "dual_stack: an IPv4 subnet and an IPv6 one are expected, and the names of both"),
    ],
)
def test_a_subnet_of_the_other_family_is_refused_by_name(given: list[str], message: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        dual_stack(given, "a", "b")
    assert str(caught.value) == message


WHOLE = "a whole number is right"


def test_numbers_may_be_typed() -> None:
    assert subnet("10.64.0.0/10", "7", " 24 ") == "10.64.7.0/24"
    assert subnet("10.64.0.0/10", "-1", "24") == "10.127.255.0/24"
    assert host_address("10.0.0.0/30", "1", length="false") == "10.0.0.1"
    assert host_address("10.0.0.0/30", "-2", length="yes") == "10.0.0.2/30"
    assert bounded("4", "lab_namespaces", 0, 4) == 4


@pytest.mark.parametrize("value", [1.5, True, None, "", "a", "1.5", "0x1", [1]])
def test_what_is_no_whole_number_is_refused_by_its_name(value: Any) -> None:
    for call, told in (
        (lambda: host_address("10.0.0.0/30", value), "host_address: number"),
        (lambda: subnet("10.0.0.0/8", value, 24), "subnet: number"),
        (lambda: subnet("10.0.0.0/8", 1, value), "subnet: length"),
        (lambda: bounded(value, "lab_namespaces", 0, 4), "lab_namespaces"),
    ):
        with pytest.raises(AnsibleFilterError) as caught:
            call()
        assert str(caught.value) == f"{told} is {value!r}; {WHOLE}"


@pytest.mark.parametrize("value", [None, 5, 1.5, True, ["10.0.0.0/8"]])
def test_what_is_no_text_is_no_subnet(value: Any) -> None:
    for call, told in ((lambda: host_address(value, 1), "host_address"), (lambda: subnet(value, 1, 24), "subnet")):
        with pytest.raises(AnsibleFilterError) as caught:
            call()
        assert str(caught.value) == f"{told}: {value!r} is not a subnet, such as '10.1.0.0/24'"


def test_neither_true_nor_false() -> None:
    with pytest.raises(AnsibleFilterError, match=r"^host_address: length is 'maybe'; true or false is right$"):
        host_address("10.0.0.0/30", 1, length="maybe")


@pytest.mark.parametrize("value", [-1, 5, "5", 8589934592])
def test_a_number_out_of_its_bounds(value: Any) -> None:
    with pytest.raises(AnsibleFilterError, match=f"^lab_namespaces is {value}; 0 to 4 is right$"):
        bounded(value, "lab_namespaces", 0, 4)


@pytest.mark.parametrize(
    ("given", "asked", "message"),
    [
        ("10.1.0.0/31", {"numbers": {"n": 2}}, "n is 2; a 10.1.0.0/31 has the addresses number 0 to 1"),
        ("10.1.0.0/32", {"numbers": {"n": -2}}, "n is -2; a 10.1.0.0/32 has the addresses number -1 to 0"),
        ("10.1.0.0/16", {"lengths": {"l": 15, "l6": 64}}, "l is 15; 16 to 32 is right with a 10.1.0.0/16"),
        ("10.1.0.0/16", {"lengths": {"l": "33", "l6": 64}}, "l is 33; 16 to 32 is right with a 10.1.0.0/16"),
        (
            "10.1.0.0/16",
            {"lengths": {"l": 24, "l6": 64}, "shares": {"n": 256}},
            "n is 256; a 10.1.0.0/16 has the /24 subnets number 0 to 255",
        ),
        (
            "10.1.0.0/16",
            {"lengths": {"l": 24, "l6": 64}, "numbers": {"n": 256}},
            "n is 256; a /24 of a 10.1.0.0/16 has the addresses number 0 to 255",
        ),
        (
            "10.1.0.0/16",
            {"lengths": {"l": 24, "l6": 64}, "numbers": {"n": -1}},
            "n is -1; a /24 of a 10.1.0.0/16 has the addresses number 0 to 255",
        ),
        ("10.1.0.0/16", {"numbers": {"n": "x"}}, "n is 'x'; a whole number is right"),
    ],
)
def test_a_subnet_that_is_too_small(given: str, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        dual_stack([given, ""], "a", "b", **asked)
    assert str(caught.value) == message


def test_a_subnet_that_is_large_enough() -> None:
    given = ["10.1.0.0/30", "fd00::/64"]
    assert dual_stack(given, "a", "b", numbers={"n": 3, "m": "-4"}) == given
    assert dual_stack(given, "a", "b", lengths={"l": 31, "l6": 127}, shares={"n": 1}, numbers={"n": 1}) == given


@pytest.mark.parametrize("name", sorted(FilterModule().filters()))
def test_is_documented(name: str) -> None:
    page = yaml.safe_load(Path(subnets.__file__).with_name(f"{name}.yml").read_text(encoding="utf-8"))
    assert page["DOCUMENTATION"]["name"] == name
    assert yaml.safe_load(page["EXAMPLES"])
