# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.nsfabric.linux.plugins.filter import subnets
from ansible_collections.nsfabric.linux.plugins.filter.subnets import FilterModule, dual_stack, host_address, subnet


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


@pytest.mark.parametrize("name", sorted(FilterModule().filters()))
def test_is_documented(name: str) -> None:
    page = yaml.safe_load(Path(subnets.__file__).with_name(f"{name}.yml").read_text(encoding="utf-8"))
    assert page["DOCUMENTATION"]["name"] == name
    assert yaml.safe_load(page["EXAMPLES"])
