#!/usr/bin/python
# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: bridge
short_description: Manage a bridge
version_added: 1.0.0
author:
  - nsfabric contributors (@nsfabric)
description:
  - Makes, configures or deletes one bridge, with its ports and its own settings.
  - A device of another kind under the same name is an error. It is not replaced.
extends_documentation_fragment:
  - nsfabric.linux.attributes
  - nsfabric.linux.link
  - nsfabric.linux.netns
options:
  name:
    description: The name of the bridge, at most 15 bytes.
    type: str
    required: true
  state:
    description:
      - V(present) means that the bridge exists.
      - V(absent) deletes it. Its ports stay, in no bridge.
    type: str
    choices: [present, absent]
    default: present
  up:
    default: true
  mac:
    description:
      - The Ethernet address, in either case, with colons or hyphens. Quote it, since YAML takes one that consists of
        decimal digits for a number.
      - Left out, a new bridge gets a generated address that is always the same for this bridge on this host and does
        not change with its ports, and an existing one keeps what it has.
  master:
    description:
      - The kernel does not put a bridge into another bridge, so that only the empty string makes sense here. Join two
        bridges by a M(nsfabric.linux.veth) cable.
  ports:
    description:
      - The names of the devices in the same namespace that are the bridge's ports.
      - The list is exact. Other devices are taken out of the bridge, and V([]) takes out all of them. In a
        M(nsfabric.linux.topology), devices that name the bridge as their C(master) count as well.
      - Left out, the ports are left as they are.
    type: list
    elements: str
  stp:
    description: Whether the kernel's spanning tree protocol runs on the bridge.
    type: bool
  priority:
    description: The bridge's priority in the spanning tree, V(0) to V(65535). The lowest becomes the root.
    type: int
  forward_delay:
    description:
      - How long a port listens, and again how long it learns, before it forwards, in hundredths of a second as the
        kernel and C(ip -d link) count. V(1500) is 15 s.
      - V(0) to V(3000), with O(stp=true) V(200) to V(3000).
      - A kernel of 250 ticks a second, as Debian's, keeps all these times in even numbers only. A time that the kernel
        would round is refused.
      - Of a bridge that is not the root of its spanning tree the kernel tells the root's times, and while a topology
        change is told twice the O(forward_delay) as O(ageing_time). What the kernel does not tell is left as it is,
        with a warning.
    type: int
  hello_time:
    description: The interval of the spanning tree's messages in hundredths of a second, V(100) to V(1000).
    type: int
  max_age:
    description: How long such a message is believed, in hundredths of a second, V(600) to V(4000).
    type: int
  ageing_time:
    description:
      - How long a MAC address that was not seen again is remembered, in hundredths of a second. With V(0) none is, and
        every frame goes to every port.
    type: int
  vlan_filtering:
    description: Whether the bridge looks at VLAN tags. The kernel must have been built with it.
    type: bool
seealso:
  - module: nsfabric.linux.forward_accept
  - module: nsfabric.linux.topology
  - module: nsfabric.linux.veth
"""

EXAMPLES = r"""
---
- name: Have a bridge with an address
  nsfabric.linux.bridge:
    name: br0
    addresses: [10.1.0.254/24]

- name: Have a bridge with exactly these ports, which forwards from the first frame on
  nsfabric.linux.bridge:
    netns: ns1
    name: br1
    ports: [veth1, veth2]
    stp: false
    forward_delay: 0

- name: Delete a bridge
  nsfabric.linux.bridge:
    name: br0
    state: absent
"""

RETURN = r"""
---
bridge:
  description: The bridge as it is after the run; null when it is absent. In check mode, as it would be.
  returned: success
  type: dict
  contains:
    netns: {type: str, description: Its namespace; null on the host.}
    name: {type: str, description: Its name.}
    addresses: {type: list, elements: str, description: "Its addresses, without those that the kernel made itself."}
    up: {type: bool, description: Whether it is administratively up.}
    mtu: {type: int, description: "The largest packet it sends, in bytes."}
    mac: {type: str, description: Its Ethernet address.}
    txqueuelen: {type: int, description: The length of its transmit queue in packets.}
    master: {type: str, description: Always empty.}
    ports: {type: list, elements: str, description: The names of its ports.}
    stp: {type: bool, description: Whether the spanning tree protocol runs.}
    priority: {type: int, description: Its priority in the spanning tree.}
    forward_delay: {type: int, description: In hundredths of a second.}
    hello_time: {type: int, description: In hundredths of a second.}
    max_age: {type: int, description: In hundredths of a second.}
    ageing_time: {type: int, description: In hundredths of a second.}
    vlan_filtering: {type: bool, description: Whether it looks at VLAN tags.}
  sample:
    netns:
    name: br0
    addresses: [10.1.0.254/24]
    up: true
    mtu: 1500
    mac: "02:8b:33:5e:10:d4"
    txqueuelen: 1000
    master: ""
    ports: [br-veth1, br-veth2]
    stp: false
    priority: 32768
    forward_delay: 1500
    hello_time: 200
    max_age: 2000
    ageing_time: 30000
    vlan_filtering: false
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
    - resource: bridge
      netns:
      change: create
      what: create bridge br0
      why: the bridge does not exist
      command: ip link add name br0 address 02:8b:33:5e:10:d4 type bridge
problems:
  description: Everything that is wrong with the options. Nothing was changed.
  returned: when the options cannot be accepted
  type: list
  elements: dict
  contains:
    path: {type: str, description: "The option, such as V(ports[0])."}
    message: {type: str, description: "What is wrong with it, and what would be right."}
"""

from ansible_collections.nsfabric.linux.plugins.module_utils._glue import run_resource


def main() -> None:
    run_resource("bridge")


if __name__ == "__main__":
    main()
