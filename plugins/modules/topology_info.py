#!/usr/bin/python
# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: topology_info
short_description: Read the virtual networks of a host
version_added: 1.0.0
author:
  - nsfabric contributors (@nsfabric)
description:
  - Reads a live host back into the vocabulary of M(nsfabric.linux.topology). Given back to it as
    O(nsfabric.linux.topology#module:config), the answer changes nothing on the same host.
  - Addresses, routes and neighbours that the kernel made itself are not part of it.
extends_documentation_fragment:
  - nsfabric.linux.attributes.info
attributes:
  check_mode:
    details:
      - The module only reads.
      - A topology or a namespace that is missing may be one that an earlier task of the play makes. It is left out of
        the answer, and a warning says so.
options:
  names:
    description: The names of topologies that are recorded on this host. Given, only what they declare is read.
    type: list
    elements: str
  namespaces:
    description:
      - The names of namespaces. Given, only these and the host are read. With O(names) it makes no difference.
      - Left out, all named namespaces and the host are read.
    type: list
    elements: str
seealso:
  - module: nsfabric.linux.topology
"""

EXAMPLES = r"""
---
- name: Read the whole host
  nsfabric.linux.topology_info:
  register: host

- name: Read what one topology holds
  nsfabric.linux.topology_info:
    names: [lab]
  register: lab

- name: Read two namespaces, whoever made them
  nsfabric.linux.topology_info:
    namespaces: [ns1, ns2]

- name: Build the same on another host
  nsfabric.linux.topology:
    name: lab
    config: "{{ lab.config }}"
  delegate_to: elsewhere
"""

RETURN = r"""
---
config:
  description: What was read, as the option of that name of M(nsfabric.linux.topology) takes it.
  returned: success
  type: dict
  sample:
    netns:
      - {name: ns1, lo_up: true}
    netns_route:
      - {netns: ns1, destination: default, gateway: 10.1.0.254, device: veth1, metric: 0, table: main}
topologies:
  description: The topologies that are recorded on this host, or those of O(names).
  returned: success
  type: list
  elements: dict
  contains:
    name: {type: str, description: Its name.}
    complete: {type: bool, description: "Whether its last run came to its end. If not, run it again."}
  sample:
    - name: lab
      complete: true
problems:
  description: Everything that is wrong with the options.
  returned: when the options cannot be accepted
  type: list
  elements: dict
  contains:
    path: {type: str, description: "The option, such as V(namespaces)."}
    message: {type: str, description: "What is wrong with it, and what would be right."}
"""

from ansible_collections.nsfabric.linux.plugins.module_utils._topology_info import run_topology_info


def main() -> None:
    run_topology_info()


if __name__ == "__main__":
    main()
