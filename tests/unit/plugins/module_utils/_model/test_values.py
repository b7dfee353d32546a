# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every parser: what it takes, its canonical spelling, and the exact words with which it refuses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nsfabric.linux.plugins.module_utils._model import values

TAKEN: list[tuple[Callable[[Any], Any], Any, Any]] = [
    (values.interface_name, "eth9.100", "eth9.100"),
    (values.interface_name, "v" * 15, "v" * 15),
    (values.interface_name, "a@b-c_d", "a@b-c_d"),
    (values.netns_name, "a b:c", "a b:c"),
    (values.netns_name, "n" * 255, "n" * 255),
    (values.address, " 10.0.0.1 ", "10.0.0.1"),
    (values.address, "FD00:0:0::1", "fd00::1"),
    (values.gateway, "169.254.1.1", "169.254.1.1"),
    (values.gateway, "FE80::1", "fe80::1"),
    (values.interface_address, "10.0.0.1", "10.0.0.1/32"),
    (values.interface_address, "10.0.1.0/24", "10.0.1.0/24"),
    (values.interface_address, "10.0.0.1/255.255.255.0", "10.0.0.1/24"),
    (values.interface_address, "FD00::1", "fd00::1/128"),
    (values.interface_address, "fd00:0::1/64", "fd00::1/64"),
    (values.network, "10.0.0.0/8", "10.0.0.0/8"),
    (values.network, "10.0.0.1", "10.0.0.1/32"),
    (values.network, "FD00::/16", "fd00::/16"),
    (values.network, "::/0", "::/0"),
    (values.network, "0.0.0.0/0", "0.0.0.0/0"),
    (values.mac, "02:AB:00:00:00:01", "02:ab:00:00:00:01"),
    (values.mac, "02-ab-00-00-00-01", "02:ab:00:00:00:01"),
    (values.ethernet, "03:BF:0A:01:00:09", "03:bf:0a:01:00:09"),
    (values.between(1, 3), 1, 1),
    (values.between(1, 3), 3, 3),
    (values.out_interface, "br0", "br0"),
    (values.out_interface, " ! br0", "!br0"),
]


@pytest.mark.parametrize(("parse", "text", "canonical"), TAKEN)
def test_taken(parse: Callable[[Any], Any], text: Any, canonical: Any) -> None:
    assert parse(text) == canonical
    assert parse(canonical) == canonical


NO_MAC = "is not a MAC address such as 02:00:00:00:00:01"
REFUSED: list[tuple[Callable[[Any], Any], Any, str]] = [
    (values.interface_name, "", "an interface name is empty"),
    (values.interface_name, "v" * 16, f"the interface name '{'v' * 16}' has 16 bytes; the kernel takes at most 15"),
    (values.interface_name, "ü" * 8, f"the interface name '{'ü' * 8}' has 16 bytes; the kernel takes at most 15"),
    *(
        (
            values.interface_name,
            name,
            f"{name!r} is not an interface name: no white space, '/' or ':', and neither '.' nor '..'",
        )
        for name in ("a b", "a/b", "a:b", ".", "..", "a\0", "a\n", "voilà")
    ),
    (values.interface_name, "a%d", "'a%d' is not an interface name: the kernel would put a number in place of '%'"),
    *(
        (
            values.interface_name,
            name,
            f"{name!r} is not an interface name: it is the name of the settings for every device",
        )
        for name in ("all", "default")
    ),
    (values.netns_name, "", "a namespace name is empty; leave netns out to mean the host"),
    *(
        (
            values.netns_name,
            name,
            f"{name!r} is not a namespace name: it becomes a file name, so no '/', and not '.' or '..'",
        )
        for name in (".", "..", "a/b", "a\0")
    ),
    (values.netns_name, "n" * 256, "the namespace name 'nnnnnnnnnnnnnnnnnnnn'... is longer than 255 bytes"),
    *(
        (values.address, text, f"{text!r} is not an IPv4 or IPv6 address")
        for text in ("", "router", "10.0.0", "10.0.0.1/32", "010.0.0.1", "10.0.0.256", "fd00::1::2", "3232235777")
    ),
    (
        values.address,
        "fe80::1%eth0",
        "'fe80::1%eth0' names a device after '%'; write the address alone, the device has its own option",
    ),
    *(
        (values.gateway, text, f"{text!r} cannot be a router's address")
        for text in ("0.0.0.0", "::", "224.0.0.1", "ff02::1", "127.0.0.1", "::1", "255.255.255.255")
    ),
    *(
        (
            values.interface_address,
            text,
            f"{text!r} cannot be given to a device: it is a multicast or the unspecified address",
        )
        for text in ("0.0.0.0", "::/64", "224.0.0.1/4", "ff02::1")
    ),
    (values.interface_address, "10.0.0.1/33", "'10.0.0.1/33' has a bad prefix length: 0 to 32 is right"),
    (values.interface_address, "10.0.0.1/", "'10.0.0.1/' has a bad prefix length: 0 to 32 is right"),
    (values.interface_address, "fd00::1/129", "'fd00::1/129' has a bad prefix length: 0 to 128 is right"),
    (values.network, "10.0.0.1/x", "'10.0.0.1/x' has a bad prefix length: 0 to 32 is right"),
    (values.network, "10.0.0.1/8", "'10.0.0.1/8' has bits set below its prefix length; the network is 10.0.0.0/8"),
    (values.network, "fd00::1/64", "'fd00::1/64' has bits set below its prefix length; the network is fd00::/64"),
    (values.network, "default", "'default' is not an IPv4 or IPv6 address"),
    (values.mac, "02:00:00:00:00", f"'02:00:00:00:00' {NO_MAC}"),
    (values.mac, "02:00:00:00:00:0g", f"'02:00:00:00:00:0g' {NO_MAC}"),
    (values.mac, "41135085296", f"""'41135085296' {NO_MAC}; YAML read a number, so quote it: "52:54:00:12:34:56\""""),
    (values.mac, "1234", f"""'1234' {NO_MAC}"""),
    (values.mac, "01:00:5e:00:00:01", "'01:00:5e:00:00:01' cannot be a device's MAC address: it is a group address"),
    (values.mac, "00:00:00:00:00:00", "'00:00:00:00:00:00' is no device's MAC address"),
    (values.ethernet, "00-00-00-00-00-00", "'00-00-00-00-00-00' is no device's MAC address"),
    (values.between(1, 3), 4, "4 is out of range: 1 to 3 is right"),
    (values.between(68, 100, "bytes"), 67, "67 is out of range: 68 to 100 bytes is right"),
    (values.out_interface, "!", "an interface name is empty"),
]


@pytest.mark.parametrize(("parse", "text", "message"), REFUSED)
def test_refused(parse: Callable[[Any], Any], text: Any, message: str) -> None:
    with pytest.raises(ValueError, match=rf"^{re.escape(message)}\Z"):
        parse(text)


def test_the_default_route_is_only_understood_where_it_is_asked_for() -> None:
    assert values.network("default", default=True) == "default"
    assert values.network("any", default=True) == "default"


ADDRESSES = st.ip_addresses()


@given(ADDRESSES)
def test_every_spelling_of_an_address_is_one(address: Any) -> None:
    canonical = values.address(str(address))
    assert ipaddress.ip_address(canonical) == address
    assert values.address(address.exploded) == values.address(canonical.upper()) == canonical
    assert values.family(canonical) == address.version


@given(ADDRESSES, st.integers(0, 128))
def test_every_spelling_of_a_prefix_is_one(address: Any, length: int) -> None:
    length = min(length, address.max_prefixlen)
    network = ipaddress.ip_network((address, length), strict=False)
    canonical = values.network(str(network))
    assert ipaddress.ip_network(canonical) == network
    assert values.network(network.exploded) == values.network(canonical) == canonical
    if network.network_address != address:
        with pytest.raises(ValueError, match=f"the network is {network}"):
            values.network(f"{address}/{length}")


@given(ADDRESSES.filter(lambda address: not address.is_multicast and not address.is_unspecified), st.integers(0, 128))
def test_every_spelling_of_an_interface_address_is_one(address: Any, length: int) -> None:
    length = min(length, address.max_prefixlen)
    canonical = values.interface_address(f"{address.exploded}/{length}")
    assert ipaddress.ip_interface(canonical) == ipaddress.ip_interface(f"{address}/{length}")
    assert values.interface_address(canonical.upper()) == canonical


@given(st.binary(min_size=6, max_size=6).filter(any))
def test_every_spelling_of_an_ethernet_address_is_one(raw: bytes) -> None:
    canonical = values.ethernet(raw.hex(":"))
    assert bytes.fromhex(canonical.replace(":", "")) == raw
    assert values.ethernet(raw.hex("-").upper()) == values.ethernet(canonical) == canonical
    if not raw[0] & 1:
        assert values.mac(canonical) == canonical


@given(st.lists(st.integers(0, 59), min_size=5, max_size=5), st.integers(1, 99))
def test_the_hint_for_a_mac_that_yaml_took_for_a_number(rest: list[int], first: int) -> None:
    number = first
    for digit in rest:
        number = number * 60 + digit
    quoted = ":".join(f"{part:02}" for part in [first, *rest])
    with pytest.raises(ValueError, match=f'quote it: "{quoted}"'):
        values.mac(str(number))


@given(st.text(max_size=20))
def test_whatever_is_written_is_taken_or_refused(text: str) -> None:
    """Nothing but a ValueError comes out of a parser, and what it takes it takes again."""
    for parse in (values.interface_name, values.netns_name, values.address, values.gateway, values.network, values.mac):
        try:
            taken = parse(text)
        except ValueError:
            continue
        assert parse(taken) == taken
