# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan touches: what was there, what is there afterwards, and what is only lost on the way."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.nsfabric.linux.plugins.module_utils._model.passing import passing
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import Address, End, Hop, Route
from ansible_collections.nsfabric.linux.plugins.module_utils._model.touching import touched
from ansible_collections.nsfabric.linux.tests.unit.plugins.module_utils._model.links import (
    device,
    exchanged,
    planned,
    state,
)


def test_every_cable_that_was_and_every_one_that_is() -> None:
    found = {(item.absent["name"], item.absent["peer"]["name"], item.found is None) for item in touched(exchanged())}
    assert found == {("a", "b", False), ("c", "d", False), ("a", "c", True), ("b", "d", True)}


def test_a_route_that_goes_and_comes_back_with_its_device() -> None:
    host = state(links={End("", "nic"): device("nic", "10.0.0.1/24")})
    host.namespaces[""].routes = [Route("10.1.0.0/16", protocol=3, scope="link", hops=(Hop(device="nic"),))]
    way = planned(host, link=[{"name": "nic", "addresses": []}])
    assert [item.kind for item in touched(way)] == ["link"]
    (item,) = passing(way)
    assert item.passes
    assert item.absent["destination"] == "10.1.0.0/16"
    assert item.narrowed.found == item.found


def test_nothing_passes_where_an_address_takes_over() -> None:
    nic = replace(device("nic"), addresses=(Address("10.0.0.1/24"),))
    host = state(links={End("", "nic"): nic})
    host.namespaces[""].routes = [Route("10.1.0.0/16", protocol=3, scope="link", hops=(Hop(device="nic"),))]
    assert passing(planned(host, link=[{"name": "nic", "addresses": ["10.9.0.1/24"]}])) == []
