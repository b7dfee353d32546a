#!/usr/bin/python
# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: veth
short_description: Manage a veth cable between two namespaces
version_added: 1.0.0
author:
  - nsfabric contributors (@nsfabric)
description:
  - Makes, moves, configures or deletes one cable, a pair of veth devices of which each receives what the other sends.
    The options at the top are about the near end, those in O(peer) about the far end. Which is which makes no
    difference to the kernel.
  - A new cable is created with both ends at their places in one message. An end that is found in another namespace is
    moved, back to the host as well, and the addresses and the up flag that the kernel forgets in a move are restored.
  - A device of another kind, or a veth device whose true peer is not the one declared, is an error. It is not replaced.
extends_documentation_fragment:
  - nsfabric.linux.attributes
  - nsfabric.linux.link
  - nsfabric.linux.netns
options:
  name:
    description: The name of the near end, at most 15 bytes.
    type: str
    required: true
  state:
    description:
      - V(present) means that the cable exists between these two ends.
      - V(absent) deletes the whole cable. O(netns) and O(name) are enough to find it.
    type: str
    choices: [present, absent]
    default: present
  up:
    default: true
  mac:
    description:
      - The Ethernet address, in either case, with colons or hyphens. Quote it, since YAML takes one that consists of
        decimal digits for a number.
      - Left out, a new device gets a generated address that is always the same for this device on this host, and an
        existing one keeps what it has.
  peer:
    description: The far end. Required when O(state=present).
    type: dict
    suboptions:
      netns: {type: str, description: "The namespace of the far end; left out, the host."}
      name:
        description: The name of the far end, at most 15 bytes. In another namespace it can be that of the near end.
        type: str
        required: true
      addresses: {type: list, elements: str, description: "The exact list of its addresses, as O(addresses)."}
      up: {type: bool, default: true, description: Whether it is administratively up.}
      mtu: {type: int, description: "The largest packet that it sends, in bytes."}
      mac: {type: str, description: "Its Ethernet address, as O(mac)."}
      txqueuelen: {type: int, description: The length of its transmit queue in packets.}
      master: {type: str, description: "The bridge in its namespace that it is a port of, as O(master)."}
seealso:
  - module: nsfabric.linux.bridge
  - module: nsfabric.linux.netns
  - module: nsfabric.linux.topology
"""

EXAMPLES = r"""
---
- name: Join two namespaces by a cable
  nsfabric.linux.veth:
    netns: ns1
    name: veth1
    addresses: [10.1.0.1/24]
    peer:
      netns: ns2
      name: veth2
      addresses: [10.1.0.2/24]

- name: Plug a namespace into a bridge on the host
  nsfabric.linux.veth:
    netns: ns3
    name: veth3
    addresses: [10.1.0.3/24]
    peer:
      name: br-veth3
      master: br0

- name: Take a cable away, both ends of it
  nsfabric.linux.veth:
    netns: ns1
    name: veth1
    state: absent
"""

RETURN = r"""
---
veth:
  description: The cable as it is after the run; null when it is absent. In check mode, as it would be.
  returned: success
  type: dict
  contains:
    netns: {type: str, description: The namespace of the near end; null on the host.}
    name: {type: str, description: The name of the near end.}
    addresses: {type: list, elements: str, description: "Its addresses, without those that the kernel made itself."}
    up: {type: bool, description: Whether it is administratively up.}
    mtu: {type: int, description: "The largest packet it sends, in bytes."}
    mac: {type: str, description: Its Ethernet address.}
    txqueuelen: {type: int, description: The length of its transmit queue in packets.}
    master: {type: str, description: The bridge that it is a port of; empty for none.}
    peer: {type: dict, description: "The far end, with the same keys."}
  sample:
    netns: ns1
    name: veth1
    addresses: [10.1.0.1/24]
    up: true
    mtu: 1500
    mac: "02:5c:9d:1f:a0:37"
    txqueuelen: 1000
    master: ""
    peer:
      netns: ns2
      name: veth2
      addresses: [10.1.0.2/24]
      up: true
      mtu: 1500
      mac: "02:e1:40:77:0b:c2"
      txqueuelen: 1000
      master: ""
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
    - resource: veth
      netns: ns1
      change: create
      what: create cable ns1/veth1 -- ns2/veth2
      why: the cable does not exist
      command: >-
        ip link add name veth1 address 02:5c:9d:1f:a0:37 netns ns1 type veth
        peer name veth2 address 02:e1:40:77:0b:c2 netns ns2
problems:
  description: Everything that is wrong with the options. Nothing was changed.
  returned: when the options cannot be accepted
  type: list
  elements: dict
  contains:
    path: {type: str, description: "The option, such as V(peer.name)."}
    message: {type: str, description: "What is wrong with it, and what would be right."}
"""

from ansible_collections.nsfabric.linux.plugins.module_utils._glue import run_resource


def main() -> None:
    run_resource("veth")


if __name__ == "__main__":
    main()
