# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Problems, and the reader that collects them."""

from __future__ import annotations

from ansible_collections.nsfabric.linux.plugins.module_utils._model import values
from ansible_collections.nsfabric.linux.plugins.module_utils._model.problems import Problem, Problems, Reader


def reader(path: str = "config.veth[3]", **options: object) -> Reader:
    return Reader(options, path, Problems())


def test_a_problem_says_where_and_what() -> None:
    assert str(Problem("config.veth[3].peer.name", "is required")) == "config.veth[3].peer.name: is required"
    assert str(Problem("", "is required")) == "is required"


def test_problems_are_told_once_in_their_order() -> None:
    problems = Problems()
    assert not problems
    for path, message in (("b", "x"), ("a", "x"), ("b", "x"), ("b", "y")):
        problems.add(path, message)
    assert problems
    assert [str(problem) for problem in problems.found] == ["b: x", "a: x", "b: y"]


def test_what_is_not_given_is_none_and_no_problem() -> None:
    found = reader(mac=None)
    assert found.get("mac", values.mac) is None
    assert found.get("mtu", values.between(68, 65535)) is None
    assert found.each("addresses", values.interface_address) is None
    assert found.inner("peer") is None
    assert not found.problems


def test_nothing_is_not_the_same_as_not_given() -> None:
    found = reader(addresses=[], up=False, mtu=0, master="")
    assert found.each("addresses", values.interface_address) == ()
    assert found.get("up") is False
    assert found.get("mtu", lambda value: value) == 0
    assert found.get("master") == ""


def test_a_wrong_value_is_noted_under_its_option() -> None:
    found = reader(mac="zz")
    assert found.get("mac", values.mac) is None
    message = "'zz' is not a MAC address such as 02:00:00:00:00:01"
    assert found.problems.found == [Problem("config.veth[3].mac", message)]


def test_every_wrong_element_is_noted_under_its_number() -> None:
    found = reader(addresses=["10.0.0.1/33", "10.0.0.1/24", "x", "10.0.0.1/24"])
    assert found.each("addresses", values.interface_address) == ("10.0.0.1/24",)
    assert [str(problem) for problem in found.problems.found] == [
        "config.veth[3].addresses[0]: '10.0.0.1/33' has a bad prefix length: 0 to 32 is right",
        "config.veth[3].addresses[2]: 'x' is not an IPv4 or IPv6 address",
    ]


def test_elements_that_mean_the_same_are_one() -> None:
    found = reader(addresses=["10.0.0.1", "10.0.0.1/32", "FD00:0::1/64", "fd00::1/64"])
    assert found.each("addresses", values.interface_address) == ("10.0.0.1/32", "fd00::1/64")


def test_a_nested_option_has_a_nested_path() -> None:
    found = reader(peer={"name": "a" * 16})
    inner = found.inner("peer")
    assert inner is not None
    assert inner.get("name", values.interface_name) is None
    message = f"the interface name '{'a' * 16}' has 16 bytes; the kernel takes at most 15"
    assert found.problems.found == [Problem("config.veth[3].peer.name", message)]


def test_a_single_entry_has_only_the_option_as_its_path() -> None:
    found = reader(path="", peer={"name": "/"})
    assert found.where("mtu") == "mtu"
    inner = found.inner("peer")
    assert inner is not None
    assert inner.where("name") == "peer.name"
