# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many devices go by a group of their own, and nothing that others have put into groups goes with them."""

from __future__ import annotations

from importlib import import_module
from typing import Any
from unittest import mock

import pytest
from host import COLLECTION, Host
from snapshot import snapshot
from test_topology import apply
from test_transaction import refuse

link: Any = import_module(f"{COLLECTION}.module_utils._kernel.link")
SIZE = 70
CONFIG: dict[str, Any] = {
    "bridge": [{"name": f"br{number}"} for number in range(3)],
    "veth": [{"name": f"a{number}", "master": "br0", "peer": {"name": f"b{number}"}} for number in range(SIZE)],
}


@pytest.fixture
def host(host: Host) -> Host:
    host.sh(
        "ip link add theirs type veth peer name others; ip link set theirs group 77;"
        "ip link add dock type bridge; ip link set dock group 78; ip link set others master dock"
    )
    return host


def groups(host: Host) -> dict[str, str]:
    return {link["ifname"]: link["group"] for link in host.json("ip -j link")}


def take_down(host: Host, inside: Any = None) -> list[Any]:
    gone = host.module("topology", name="lab", state="absent", inside=inside)
    assert not gone.get("failed"), gone["msg"]
    return list(gone["steps"])


def test_nothing_else_goes(host: Host) -> None:
    before, known = snapshot(host), groups(host)
    apply(host, CONFIG)
    assert len(groups(host)) == len(known) + 2 * SIZE + 3
    assert len(take_down(host)) == SIZE + 3
    assert (snapshot(host), groups(host)) == (before, known)


def test_the_kernel_is_asked_for_many_at_once(host: Host) -> None:
    apply(host, CONFIG)
    calls: list[int] = []
    real = link.delete_together

    def counted(session: Any, netns: str, numbers: list[int]) -> bool:
        calls.append(len(numbers))
        assert real(session, netns, numbers)
        if sum(calls) == SIZE + 3:
            raise AssertionError(calls)
        return True

    def inside() -> None:
        mock.patch.object(link, "delete_together", counted).start()

    assert "[64, 6, 3]" in str(host.module("topology", name="lab", state="absent", inside=inside))


@pytest.mark.parametrize("group", [77, 78])
def test_a_group_that_is_taken_is_left_alone(host: Host, group: int) -> None:
    before, known = snapshot(host), groups(host)
    apply(host, CONFIG)

    def inside() -> None:
        mock.patch.object(link.random, "randrange", return_value=group).start()

    take_down(host, inside)
    assert (snapshot(host), groups(host)) == (before, known)


def test_a_failure_half_way_puts_them_back(host: Host) -> None:
    apply(host, CONFIG)
    before, known = snapshot(host), groups(host)
    real = link.delete_together

    def once(*arguments: Any) -> None:
        real(*arguments)
        refuse()

    def inside() -> None:
        mock.patch.object(link, "delete_together", once).start()

    failed = host.module("topology", name="lab", state="absent", inside=inside)
    assert failed["msg"].endswith("The host was put back as it was found."), failed["msg"]
    assert (snapshot(host), groups(host)) == (before, known)
    take_down(host)
    assert groups(host).keys() == {"lo", "theirs", "others", "dock"}


def test_one_that_the_kernel_does_not_delete_so_goes_by_itself(host: Host) -> None:
    """Where the group is refused, each has its group again, and goes by its number."""
    before = snapshot(host)
    apply(host, CONFIG)
    send = link.netlink.Route.send

    def refusing(route: Any, requests: Any) -> Any:
        if any(("IFLA_GROUP" in dict(each.attrs)) and each.type == link.netlink.RTM_DELLINK for each in requests):
            return [mock.Mock(code=95, text="no")]
        return send(route, requests)

    def inside() -> None:
        mock.patch.object(link.netlink.Route, "send", refusing).start()

    take_down(host, inside)
    assert snapshot(host) == before
