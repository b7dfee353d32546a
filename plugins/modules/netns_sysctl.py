#!/usr/bin/python
# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: netns_sysctl
short_description: Set a network sysctl in a namespace
version_added: 1.0.0
author:
  - nsfabric contributors (@nsfabric)
description:
  - Sets one key below C(net) to a value, in the running kernel and inside one namespace. No file is written, so
    that the value is gone with the namespace or at the next boot.
  - A key that does not exist or cannot be written is an error that says why.
  - With IPv6 forwarding the kernel drops the default routes that routers advertised, and takes no more of them, until
    the next advertisement after forwarding is off again. The plan warns of it. C(accept_ra) of V(2), which is written
    first where both are declared, keeps them.
  - There is no state. A M(nsfabric.linux.topology) that is removed gives the keys it set the values they had before.
extends_documentation_fragment:
  - nsfabric.linux.attributes
  - nsfabric.linux.netns
options:
  name:
    description:
      - The key, with dots or with slashes, such as V(net.ipv4.ip_forward) or V(net/ipv4/ip_forward).
      - A device's name in it may have dots of its own. V(net.ipv4.conf.eth9.100.forwarding) is the key
        V(forwarding) of the device V(eth9.100).
    type: str
    required: true
  value:
    description:
      - The value. Values compare by meaning, and V(1), V("1") and V(true) are the same.
      - A key that holds several numbers takes them all, in one string with blanks between them or as a list.
    type: raw
    required: true
seealso:
  - module: nsfabric.linux.topology
  - module: ansible.posix.sysctl
    description: Writes sysctl files, on the host only.
"""

EXAMPLES = r"""
---
- name: Let the host forward
  nsfabric.linux.netns_sysctl:
    name: net.ipv4.ip_forward
    value: true

- name: Answer ARP requests on behalf of others on a device
  nsfabric.linux.netns_sysctl:
    name: net.ipv4.conf.veth1.proxy_arp
    value: 1

- name: Set the range of local ports inside a namespace
  nsfabric.linux.netns_sysctl:
    netns: ns1
    name: net.ipv4.ip_local_port_range
    value: 20000 40000
"""

RETURN = r"""
---
netns_sysctl:
  description: The key as it is after the run. In check mode, as it would be.
  returned: success
  type: dict
  contains:
    netns: {type: str, description: Its namespace; null on the host.}
    name: {type: str, description: "The key, with slashes when a part of it has a dot."}
    value: {type: str, description: "Its value, with single blanks between several."}
  sample:
    netns:
    name: net.ipv4.ip_forward
    value: "1"
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
    - resource: netns_sysctl
      netns:
      change: change
      what: set net.ipv4.ip_forward = 1
      why: it is 0, wanted 1
      command: sysctl -w net.ipv4.ip_forward=1
problems:
  description: Everything that is wrong with the options. Nothing was changed.
  returned: when the options cannot be accepted
  type: list
  elements: dict
  contains:
    path: {type: str, description: "The option, such as V(name)."}
    message: {type: str, description: "What is wrong with it, and what would be right."}
"""

from ansible_collections.nsfabric.linux.plugins.module_utils._glue import run_resource


def main() -> None:
    run_resource("netns_sysctl")


if __name__ == "__main__":
    main()
