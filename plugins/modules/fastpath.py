#!/usr/bin/python
# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: fastpath
short_description: Manage an eBPF short cut between devices, past the IP stack
version_added: 1.0.0
author:
  - nsfabric contributors (@nsfabric)
description:
  - Leads packets that come in by one of several devices, typically the host's ends of cables to namespaces, straight to
    another one by their destination address, by a program at the devices' tc ingress.
  - Such packets see nothing of the host. No netfilter rule, connection tracking, C(rp_filter) or route has a say, the
    host's IP counters do not move, and the TTL stays. That is why it is refused where a rule of
    M(nsfabric.linux.masquerade) or M(nsfabric.linux.forward_accept) covers the same packets, and why a C(forward)
    chain that drops is warned about.
  - Everything else goes the normal way. That is traffic for the host itself, ARP, broadcast and multicast, other
    destinations, frames with a VLAN tag, and packets that are too big for the device they would leave by.
  - The program is assembled by this module, so no compiler is needed. It is attached by C(clsact) and C(cls_bpf) with
    direct action, at C(pref 50000), under a name that C(tc filter show) prints. Filters and queueing disciplines of
    others are neither touched nor removed, and those with a smaller C(pref) see the packets first.
  - An empty chain marks a C(clsact) that this module made. It is known by that, and goes with the fast path, even if
    somebody has deleted the filter in it.
  - A changed program takes the place of the old one at once. No packet is lost, and other devices do not notice.
  - A device that was made anew, under the same name or not, is another one for the kernel. The next run notices and
    writes the programs anew.
extends_documentation_fragment:
  - nsfabric.linux.attributes
  - nsfabric.linux.netns
options:
  state:
    description: Whether the fast path exists. V(absent) needs only the name.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: Its name. Letters, digits, V(_), V(-) and V(.), at most 63.
    type: str
    required: true
  ends:
    description:
      - The devices that take part. The list is exact, in no particular order.
      - Required when O(state=present).
    type: list
    elements: dict
    suboptions:
      device: {type: str, required: true, description: The device., aliases: [dev]}
      addresses:
        description:
          - The IPv4 and IPv6 addresses behind it, which packets from the other devices are led to. Addresses that are
            not reached from elsewhere, such as those of C(::/64), are refused.
          - Without any, the device only sends.
        type: list
        elements: str
        default: []
      mac:
        description:
          - The Ethernet address behind it, for O(mode=redirect). Quote it.
          - Left out, it is that of the cable's far end, which must be in a namespace with a name.
        type: str
  mode:
    description:
      - How a packet is handed over.
      - V(peer) puts it into the far end of the target, a veth whose far end is in another namespace
        (C(bpf_redirect_peer)). It is the shortest way.
      - V(redirect) sends it out of the target, with the Ethernet address of the far end (C(bpf_redirect)).
      - V(neigh) sends it out of the target, with the Ethernet address that the host knows, or asks for, of the
        destination (C(bpf_redirect_neigh)).
      - V(auto) is the first of these that the kernel has.
      - What the kernel has is found by trying it. If it lacks the mode, nothing is changed.
    type: str
    choices: [peer, redirect, neigh, auto]
    default: peer
requirements:
  - Linux 5.12 or newer with C(bpf(2)), C(sch_ingress) and C(cls_bpf)
seealso:
  - module: nsfabric.linux.netns_neighbor
  - module: nsfabric.linux.netns_route
  - module: nsfabric.linux.topology
"""

EXAMPLES = r"""
---
- name: Lead the packets of two namespaces past the host's IP stack
  nsfabric.linux.fastpath:
    name: pods
    ends:
      - {device: veth1b, addresses: [10.244.1.3, "fd00:244:1::3"]}
      - {device: veth2b, addresses: [10.244.2.3, "fd00:244:2::3"]}

- name: Where a container's namespace has no name, and the kernel is an older one
  nsfabric.linux.fastpath:
    name: pods
    mode: redirect
    ends:
      - {device: veth1b, addresses: [10.244.1.3]}
      - {device: vethab12cd3, addresses: [172.17.0.2], mac: "02:42:ac:11:00:02"}

- name: The normal way again
  nsfabric.linux.fastpath:
    name: pods
    state: absent
"""

RETURN = r"""
---
fastpath:
  description: The fast path as it is after the run; null when it is absent. In check mode, as it would be.
  returned: success
  type: dict
  contains:
    netns: {type: str, description: The namespace of its devices; null on the host.}
    name: {type: str, description: Its name.}
    mode: {type: str, description: "How a packet is handed over; never V(auto)."}
    ends:
      description: The devices that take part, each with the addresses behind it, and in mode V(redirect) the MAC there.
      type: list
      elements: dict
  sample:
    netns:
    name: pods
    mode: peer
    ends:
      - {device: veth1b, addresses: [10.244.1.3]}
      - {device: veth2b, addresses: [10.244.2.3]}
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
    - resource: fastpath
      netns:
      change: create
      what: let bpf_redirect_peer at the ingress of veth1b lead to veth2b (1)
      why: the fast path does not begin here yet
      command: >-
        tc qdisc add dev veth1b clsact && tc chain add dev veth1b ingress chain 262897080 && tc filter replace dev
        veth1b ingress pref 50000 handle 1 bpf object-pinned /sys/fs/bpf/nsfabric:pods direct-action
problems:
  description: Everything that is wrong with the options. Nothing was changed.
  returned: when the options cannot be accepted
  type: list
  elements: dict
  contains:
    path: {type: str, description: "The option, such as V(ends[1].addresses)."}
    message: {type: str, description: "What is wrong with it, and what would be right."}
"""

from ansible_collections.nsfabric.linux.plugins.module_utils._glue import run_resource


def main() -> None:
    run_resource("fastpath")


if __name__ == "__main__":
    main()
