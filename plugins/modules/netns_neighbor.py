#!/usr/bin/python
# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: netns_neighbor
short_description: Manage a static neighbour or proxy entry
version_added: 1.0.0
author:
  - nsfabric contributors (@nsfabric)
description:
  - Adds, changes or deletes one permanent entry of the ARP or NDP table, which says at which Ethernet address a
    neighbour is, or one proxy entry, which makes the kernel answer for an address on a device.
  - Entries that the kernel learned by itself are no concern of this module. A present entry makes a learned one
    permanent, an absent one leaves it.
  - Other entries that somebody has made, in the state C(noarp) or with a flag such as C(managed) or C(extern_learn),
    are made permanent too, or deleted. With a topology they come back with their state and their flags.
extends_documentation_fragment:
  - nsfabric.linux.attributes
  - nsfabric.linux.netns
options:
  state:
    description: Whether the entry exists.
    type: str
    choices: [present, absent]
    default: present
  device:
    description:
      - The device that the neighbour is behind, or that the kernel answers on.
      - A device that goes down, or gets another Ethernet address, forgets its entries.
    type: str
    required: true
    aliases: [dev]
  address:
    description: The neighbour's IPv4 or IPv6 address.
    type: str
    required: true
  mac:
    description:
      - The neighbour's Ethernet address, or that of a group, in either case, with colons or hyphens. Quote it, since
        YAML takes one that consists of decimal digits for a number.
      - A present entry that is no proxy entry needs this or O(mac_of).
    type: str
  mac_of:
    description: The device whose Ethernet address it is, such as the far end of a cable.
    type: dict
    suboptions:
      netns: {type: str, description: "Its namespace; left out, the host."}
      name: {type: str, required: true, description: Its name.}
  proxy:
    description:
      - Whether it is a proxy entry. Such an entry takes neither O(mac) nor O(mac_of), since the device answers with its
        own.
    type: bool
    default: false
seealso:
  - module: nsfabric.linux.netns_route
  - module: nsfabric.linux.netns_sysctl
    description: The keys C(proxy_arp) and C(proxy_ndp) make a device answer.
  - module: nsfabric.linux.topology
"""

EXAMPLES = r"""
---
- name: Know the gateway without asking, by the device that has its address
  nsfabric.linux.netns_neighbor:
    netns: ns1
    device: veth1
    address: 10.244.1.1
    mac_of:
      name: br-veth1

- name: Know a machine by its Ethernet address
  nsfabric.linux.netns_neighbor:
    device: eth0
    address: 10.1.0.7
    mac: "02:00:0a:01:00:07"

- name: Answer neighbour solicitations for an IPv6 address
  nsfabric.linux.netns_neighbor:
    device: eth0
    address: fd00:1::7
    proxy: true
"""

RETURN = r"""
---
netns_neighbor:
  description: The entry as it is after the run; null when it is absent. In check mode, as it would be.
  returned: success
  type: dict
  contains:
    netns: {type: str, description: Its namespace; null on the host.}
    device: {type: str, description: Its device.}
    address: {type: str, description: The neighbour's address.}
    mac:
      type: str
      description:
        - The neighbour's Ethernet address. Missing from a proxy entry.
        - Null in check mode where the device of O(mac_of) is still to be made.
    proxy: {type: bool, description: Whether it is a proxy entry.}
  sample:
    netns: ns1
    device: veth1
    address: 10.244.1.1
    mac: "02:8b:33:5e:10:d4"
    proxy: false
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
    - resource: netns_neighbor
      netns: ns1
      change: create
      what: set neighbour 10.244.1.1 at 02:8b:33:5e:10:d4 on veth1
      why: the entry is missing
      command: ip -n ns1 neighbor replace 10.244.1.1 dev veth1 lladdr 02:8b:33:5e:10:d4 nud permanent
problems:
  description: Everything that is wrong with the options. Nothing was changed.
  returned: when the options cannot be accepted
  type: list
  elements: dict
  contains:
    path: {type: str, description: "The option, such as V(address)."}
    message: {type: str, description: "What is wrong with it, and what would be right."}
"""

from ansible_collections.nsfabric.linux.plugins.module_utils._glue import run_resource


def main() -> None:
    run_resource("netns_neighbor")


if __name__ == "__main__":
    main()
