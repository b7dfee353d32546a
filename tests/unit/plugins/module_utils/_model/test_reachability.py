# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks as declared: what is read, what is refused and in which words, and what the kernel's errors come to."""

from __future__ import annotations

import errno
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.nsfabric.linux.plugins.module_utils._model.problems import Problems
from ansible_collections.nsfabric.linux.plugins.module_utils._model.reachability import OPTIONS, Check, read, said


def given(*checks: dict[str, Any]) -> tuple[list[Check], list[str]]:
    """The checks as a module would get them, and what is wrong with them."""
    outcome = ArgumentSpecValidator(OPTIONS).validate({"checks": list(checks)})
    assert outcome.error_messages == []
    problems = Problems()
    found = read(outcome.validated_parameters["checks"], problems)
    return found, [str(problem) for problem in problems.found]


def test_what_is_left_out() -> None:
    (check,), wrong = given({"to": "10.0.0.1"})
    assert wrong == []
    assert check == Check(path="checks[0]", name=None, netns="", to="10.0.0.1")
    assert (check.protocol, check.expected, check.count, check.wait, check.timeout) == ("icmp", "reachable", 1, 1, 5)


def test_what_is_given() -> None:
    (check,), wrong = given(
        {
            "name": "web",
            "from": "ns1",
            "to": " FD00::0001 ",
            "protocol": "tcp",
            "port": "80",
            "expected": "unreachable",
            "device": "veth1",
            "source": "fd00:0::2",
            "count": 3,
            "wait": 0.5,
            "timeout": 0,
            "retries": 0,
        }
    )
    assert wrong == []
    assert (check.name, check.netns, check.to, check.port, check.source) == ("web", "ns1", "fd00::1", 80, "fd00::2")
    assert (check.reachable, check.family, check.count, check.wait) == (False, 6, 3, 0.5)
    assert (check.timeout, check.retries) == (0, 0)


@pytest.mark.parametrize(
    ("check", "message"),
    [
        ({"to": "example.org"}, "to: 'example.org' is not an IPv4 or IPv6 address; names are not looked up"),
        (
            {"to": "10.1.0.1/24"},
            "to: '10.1.0.1/24' is not an IPv4 or IPv6 address; write 10.1.0.1, without the prefix length",
        ),
        ({"to": "10.1.0/24"}, "to: '10.1.0/24' is not an IPv4 or IPv6 address; names are not looked up"),
        ({"to": ""}, "to: '' is not an IPv4 or IPv6 address; names are not looked up"),
        (
            {"to": "224.0.0.1"},
            "to: '224.0.0.1' is not the address of one host: it is multicast, broadcast or unspecified",
        ),
        (
            {"to": "255.255.255.255"},
            "to: '255.255.255.255' is not the address of one host: it is multicast, broadcast or unspecified",
        ),
        ({"to": "::"}, "to: '::' is not the address of one host: it is multicast, broadcast or unspecified"),
        (
            {"to": "::ffff:10.0.0.1"},
            "to: '::ffff:10.0.0.1' is an IPv4 address in IPv6 spelling; write 10.0.0.1",
        ),
        (
            {"to": "fe80::1%eth0"},
            "to: 'fe80::1%eth0' names a device; write fe80::1 here, and device: eth0",
        ),
        (
            {"to": "fe80::1"},
            "device: is required: fe80::1 is link-local, and each device has link-local neighbours",
        ),
        (
            {"to": "10.0.0.1", "source": "fd00::1"},
            "source: fd00::1 cannot be the source of packets to 10.0.0.1: one is IPv4, one IPv6",
        ),
        ({"to": "10.0.0.1", "from": ""}, "from: a namespace name is empty; leave it out to mean the host"),
        (
            {"to": "10.0.0.1", "from": "a/b"},
            "from: 'a/b' is not a namespace name: it becomes a file name, so no '/', and not '.' or '..'",
        ),
        (
            {"to": "10.0.0.1", "device": "a-name-of-16-byte"},
            "device: the interface name 'a-name-of-16-byte' has 17 bytes; the kernel takes at most 15",
        ),
        ({"to": "10.0.0.1", "protocol": "tcp"}, "port: is required with protocol tcp"),
        (
            {"to": "10.0.0.1", "protocol": "tcp", "port": 65536},
            "port: 65536 is out of range: 1 to 65535 is right",
        ),
        ({"to": "10.0.0.1", "port": 80}, "port: is of protocol tcp only; echo requests have no port"),
        ({"to": "10.0.0.1", "protocol": "tcp", "port": 80, "size": 1}, "size: is of protocol icmp only"),
        ({"to": "::1", "protocol": "tcp", "port": 80, "expected_ttl": 9}, "expected_ttl: is of protocol icmp only"),
        (
            {"to": "10.0.0.1", "size": 65508},
            "size: 65508 bytes do not fit into one IPv4 packet: 65507 do",
        ),
        ({"to": "fd00::1", "size": 65528}, "size: 65528 is out of range: 0 to 65527 bytes is right"),
        ({"to": "10.0.0.1", "expected_ttl": 256}, "expected_ttl: 256 is out of range: 1 to 255 is right"),
        (
            {"to": "10.0.0.1", "expected_ttl": 64, "expected": "unreachable"},
            "expected_ttl: an answer that must not come has no TTL; leave it out or expect reachable",
        ),
        ({"to": "10.0.0.1", "count": 0}, "count: 0 is out of range: 1 to 1000 is right"),
        ({"to": "10.0.0.1", "wait": 0}, "wait: 0 is out of range: 0.05 to 60 seconds is right"),
        ({"to": "10.0.0.1", "wait": "nan"}, "wait: nan is out of range: 0.05 to 60 seconds is right"),
        ({"to": "10.0.0.1", "timeout": "inf"}, "timeout: inf is out of range: 0 to 3600 seconds is right"),
        ({"to": "10.0.0.1", "retries": -1}, "retries: -1 is out of range: 0 to 10000 is right"),
    ],
)
def test_what_is_refused(check: dict[str, Any], message: str) -> None:
    assert given({"to": "10.0.0.9"}, check)[1] == [f"checks[1].{message}"]


def test_every_error_is_told_at_once() -> None:
    checks = [{"to": "x", "port": 1, "from": "."}, {"to": "10.0.0.1"}, {"to": "::1", "protocol": "tcp"}]
    assert [line.partition(":")[0] for line in given(*checks)[1]] == [
        "checks[0].from",
        "checks[0].to",
        "checks[0].port",
        "checks[2].port",
    ]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENETUNREACH, "Network is unreachable: namespace ns1 has no route to 10.0.0.1"),
        (errno.EHOSTUNREACH, "No route to host"),
        (errno.EACCES, "Permission denied: a route of type prohibit in namespace ns1"),
        (errno.EPERM, "Operation not permitted: a firewall's output rule in namespace ns1 drops it"),
        (errno.EMSGSIZE, "Message too long: MTU 1400"),
        (errno.ENODEV, "No such device: there is no device veth1 in namespace ns1"),
        (
            errno.ECONNREFUSED,
            "Connection refused: nothing listens on port 80 of 10.0.0.1, or a firewall rejects it",
        ),
    ],
)
def test_the_kernels_errors_in_words(code: int, words: str) -> None:
    check = Check("checks[0]", None, "ns1", "10.0.0.1", "tcp", 80, device="veth1")
    assert said(code, check, 1400) == words
