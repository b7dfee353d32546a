#!/usr/bin/python
# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: link
short_description: Configure a network device that exists
version_added: 1.0.0
author:
  - nsfabric contributors (@nsfabric)
description:
  - Moves a device that exists already into a namespace, and gives it addresses, a bridge and other attributes. It
    is meant for uplinks, V(lo), physical devices and devices that another tool made.
  - An option that is not given is left as it is. A move between namespaces makes the kernel forget the addresses and
    the up flag of a device; they are restored in the same run. Its bridge, its routes and its neighbours are not.
extends_documentation_fragment:
  - nsfabric.linux.attributes
  - nsfabric.linux.link
options:
  netns:
    description:
      - The network namespace in which the device belongs, by its name under C(/run/netns). Left out, it is the
        namespace that the module runs in, called the host.
      - A device that is not there is looked for on the host, then in all named namespaces, and moved. When several
        namespaces have a device of that name, the module fails and names them.
    type: str
  name:
    description: The name of the device, at most 15 bytes.
    type: str
    required: true
  state:
    description:
      - V(present) means that the device exists, is in O(netns) and has the attributes given. It is not created.
      - V(absent) deletes a software device from O(netns), and with one end of a cable the other. Physical devices
        and V(lo) cannot be deleted; asking for it is an error.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: nsfabric.linux.bridge
  - module: nsfabric.linux.topology
  - module: nsfabric.linux.veth
"""

EXAMPLES = r"""
---
- name: Give a physical device to a namespace
  nsfabric.linux.link:
    netns: ns1
    name: eth1
    addresses: [10.1.0.1/24, "fd00:1::1/64"]
    mtu: 9000
    up: true

- name: Take it back to the host, without addresses
  nsfabric.linux.link:
    name: eth1
    addresses: []

- name: Put a device into a bridge
  nsfabric.linux.link:
    name: tap0
    master: br0
    up: true

- name: Take it out again
  nsfabric.linux.link:
    name: tap0
    master: ""
"""

RETURN = r"""
---
link:
  description: The device as it is after the run; null when it is absent. In check mode, as it would be.
  returned: success
  type: dict
  contains:
    netns: {type: str, description: Its namespace; null on the host.}
    name: {type: str, description: Its name.}
    addresses: {type: list, elements: str, description: "Its addresses, without those that the kernel made itself."}
    up: {type: bool, description: Whether it is administratively up.}
    mtu: {type: int, description: "The largest packet it sends, in bytes."}
    mac: {type: str, description: "Its Ethernet address; null where it has none, as V(lo)."}
    txqueuelen: {type: int, description: "The length of its transmit queue in packets; null where it has none."}
    master: {type: str, description: The bridge that it is a port of; empty for none.}
  sample:
    netns: ns1
    name: eth1
    addresses: [10.1.0.1/24, "fd00:1::1/64"]
    up: true
    mtu: 9000
    mac: "52:54:00:12:34:56"
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
    - resource: link
      netns: ns1
      change: create
      what: add 10.1.0.1/24 to eth1
      why: the address is missing
      command: ip -n ns1 address add 10.1.0.1/24 dev eth1
problems:
  description: Everything that is wrong with the options. Nothing was changed.
  returned: when the options cannot be accepted
  type: list
  elements: dict
  contains:
    path: {type: str, description: "The option, such as V(addresses[0])."}
    message: {type: str, description: "What is wrong with it, and what would be right."}
"""

from ansible_collections.nsfabric.linux.plugins.module_utils._glue import run_resource


def main() -> None:
    run_resource("link")


if __name__ == "__main__":
    main()
