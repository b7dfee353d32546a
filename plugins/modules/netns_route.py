#!/usr/bin/python
# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: netns_route
short_description: Manage a route in a network namespace
version_added: 1.0.0
author:
  - nsfabric contributors (@nsfabric)
description:
  - Adds, replaces or deletes a route, IPv4 or IPv6, in any routing table.
  - A route is known by its O(table), O(destination) and O(metric). One that differs is replaced in place; there is no
    moment without it.
  - What belongs to the way, O(gateway), O(device), O(nexthops) and O(type), is compared as a whole. A route declared
    with a device alone has no gateway. Other options that are not given are left as they are.
extends_documentation_fragment:
  - nsfabric.linux.attributes
  - nsfabric.linux.netns
options:
  state:
    description:
      - V(present) means that the route exists.
      - V(absent) deletes every route to O(destination) in O(table) that agrees with those of O(gateway), O(device),
        O(nexthops), O(source), O(metric), O(type) and O(protocol) that are given; a route with other next hops beside
        those does not. Routes that the kernel made itself, those of protocol V(kernel), V(ra) or V(redirect), stay
        unless O(protocol) names theirs.
    type: str
    choices: [present, absent]
    default: present
  destination:
    description:
      - The prefix, an address for a route to one host, or V(default).
      - With V(default) the family is that of O(gateway), of a next hop's gateway or of O(source). With none of them it
        is IPv4. Write V(::/0) for an IPv6 default route that has only a device.
    type: str
    required: true
    aliases: [dest]
  gateway:
    description:
      - The address of the next router. It must be on link, covered by an address or a device route of the namespace,
        unless O(onlink) is set. An IPv4 route may have an IPv6 gateway.
    type: str
    aliases: [via]
  device:
    description: The device that the packets leave by. It must be up.
    type: str
    aliases: [dev]
  onlink:
    description:
      - Whether the gateway is taken to be directly behind O(device), although no address or route says so. Needs
        O(gateway) and O(device).
    type: bool
  source:
    description:
      - The source address that the host's own packets get. A device of the namespace must have it.
      - An empty string removes it.
    type: str
    aliases: [src]
  scope:
    description:
      - How far the destination is, IPv4 only.
      - Left out for a new route, or for one whose next hops change, it is computed as iproute2 does it,
        V(link) for a unicast route without a gateway, V(host) for a local one, V(global) otherwise.
    type: str
    choices: [global, site, link, host, nowhere]
  metric:
    description:
      - The metric, part of what the route is known by. Of several routes to one destination the lowest is used.
      - Left out or V(0), it is 0 for IPv4, and 1024 for IPv6, which is what the kernel then takes. For O(state=absent),
        left out means any.
      - An IPv6 route that a router has announced keeps its metric to itself; give yours another one.
    type: int
  table:
    description: The routing table, V(main), V(local), V(default) or a number.
    type: str
    default: main
  type:
    description:
      - What becomes of the packets. Types other than V(unicast) and V(local) have no gateway, device or next hops.
      - Left out, it is V(unicast). For O(state=absent), left out means any.
    type: str
    choices: [unicast, local, blackhole, unreachable, prohibit, throw]
  protocol:
    description:
      - Who the route is marked to come from, a name such as V(static), V(boot) or V(bird), or a number.
      - Left out, a new route is V(static), and an existing one keeps what it has. One that the kernel made becomes
        V(static) when it is changed.
      - V(kernel), V(ra) and V(redirect) cannot be given to a route. They mark those that the kernel makes itself, with
        an address or on a router's word, and these are not taken away with what was declared.
    type: str
  mtu:
    description: The path MTU in bytes, at most 65520. V(0) removes it.
    type: int
  nexthops:
    description:
      - The next hops of a multipath route, in place of O(gateway), O(device) and O(onlink). Their order does not
        matter.
      - Of an IPv6 route each needs a gateway.
    type: list
    elements: dict
    suboptions:
      gateway:
        description: The address of the next router. A next hop has a gateway, a device, or both.
        type: str
        aliases: [via]
      device: {type: str, aliases: [dev], description: The device that the packets leave by.}
      onlink: {type: bool, description: As O(onlink).}
      weight:
        description: The share of the traffic against the other next hops, V(1) to V(256).
        type: int
        default: 1
seealso:
  - module: nsfabric.linux.netns_neighbor
  - module: nsfabric.linux.topology
"""

EXAMPLES = r"""
---
- name: Send everything to the bridge's address
  nsfabric.linux.netns_route:
    netns: ns1
    destination: default
    gateway: 10.1.0.254

- name: Reach a gateway that no address covers
  nsfabric.linux.netns_route:
    netns: ns1
    destination: default
    gateway: 169.254.1.1
    device: veth1
    onlink: true

- name: Reach one address behind a device of the host
  nsfabric.linux.netns_route:
    destination: 10.244.1.3
    device: calico1

- name: Share the traffic between two gateways
  nsfabric.linux.netns_route:
    netns: ns1
    destination: fd00:244::/64
    nexthops:
      - {gateway: "fd00:1::1", weight: 2}
      - {gateway: "fd00:1::2"}

- name: Have no route to a network, whatever its gateway and metric
  nsfabric.linux.netns_route:
    destination: 10.244.2.0/24
    state: absent
"""

RETURN = r"""
---
netns_route:
  description:
    - The route as it is after the run; null when it is absent. In check mode, as it would be.
    - What the route does not have is null.
  returned: success
  type: dict
  contains:
    netns: {type: str, description: Its namespace; null on the host.}
    destination: {type: str, description: Its prefix; V(default) for the IPv4 default route.}
    gateway: {type: str, description: "Its gateway; null without one, and with several O(nexthops)."}
    device: {type: str, description: "Its device; null without one, and with several O(nexthops)."}
    onlink: {type: bool, description: Whether the gateway is taken to be on link; null without a gateway.}
    source: {type: str, description: Its preferred source address; empty when it has none.}
    scope: {type: str, description: Its scope.}
    metric: {type: int, description: Its metric.}
    table: {type: str, description: Its table.}
    type: {type: str, description: Its type.}
    protocol: {type: str, description: Its protocol.}
    mtu: {type: int, description: Its path MTU; V(0) when it has none.}
    nexthops: {type: list, elements: dict, description: Its next hops. Missing unless there are several.}
  sample:
    netns: ns1
    destination: default
    gateway: 10.1.0.254
    device: veth1
    onlink: false
    source: ""
    scope: global
    metric: 0
    table: main
    type: unicast
    protocol: static
    mtu: 0
steps:
  description:
    - What was done, in this order; in check mode, what would be done.
    - Empty when nothing had to change. The task is changed exactly when there are steps.
  returned: success
  type: list
  elements: dict
  contains:
    resource: {type: str, description: "The kind of thing, as the module that manages it is called."}
    netns: {type: str, description: The namespace the step works in; null on the host.}
    change: {type: str, description: "What becomes of the thing: V(create), V(change) or V(delete)."}
    what: {type: str, description: The change.}
    why: {type: str, description: The reason for it.}
    command: {type: str, description: "The equivalent command, for a person to read. It was not run."}
  sample:
    - resource: netns_route
      netns: ns1
      change: create
      what: add route default via 10.1.0.254 proto static scope global
      why: the route is missing
      command: ip -n ns1 route add default via 10.1.0.254 proto static scope global
problems:
  description: Everything that is wrong with the options. Nothing was changed.
  returned: when the options cannot be accepted
  type: list
  elements: dict
  contains:
    path: {type: str, description: "The option, such as V(nexthops[0].gateway)."}
    message: {type: str, description: "What is wrong with it, and what would be right."}
"""

from ansible_collections.nsfabric.linux.plugins.module_utils._glue import run_resource


def main() -> None:
    run_resource("netns_route")


if __name__ == "__main__":
    main()
