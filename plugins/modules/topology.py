#!/usr/bin/python
# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: topology
short_description: Build a whole virtual network in one transaction
version_added: 1.0.0
author:
  - nsfabric contributors (@nsfabric)
description:
  - Brings a host to what a document declares, namespaces, cables, bridges, routes, neighbours, sysctls and rules,
    in one call. The order of the entries does not matter.
  - The whole document is checked before anything is changed, and all errors are told at once, each with its path.
  - It is one transaction. When a step fails, the host is put back as it was found. A teardown does not look into the
    namespaces that the topology made. They go together; while something else uses one of them, none goes. When they
    are gone, C(SIGINT), C(SIGTERM) and C(SIGHUP) are too late to end the run; should it fail even so, they are built
    again as they were declared, and the message says so.
  - Where a new document has a cable of the topology elsewhere, its ends are moved. Cables that stand in each other's
    way are made anew.
  - What a topology made, and the values it found, is recorded under C(/run/nsfabric) until the next boot. Things that
    were there before, and things that were replaced behind its back, do not belong to it and are never removed.
  - Several topologies of a host may declare the same things alike; these stay until the last one goes. A document that
    would undo what another topology declares is refused.
extends_documentation_fragment:
  - nsfabric.linux.attributes
options:
  name:
    description: The name of the topology on this host. Letters, digits, V(_), V(-) and V(.), at most 63.
    type: str
    required: true
  state:
    description:
      - V(present) builds what O(config) declares.
      - V(absent) needs only O(name). It removes what the topology made, gives back the values it found, those of
        sysctls included, and so leaves the host as it was.
    type: str
    choices: [present, absent]
    default: present
  config:
    description:
      - The document. Its keys are the names of modules, each with a list of that module's options. An entry is
        checked by the module's own argument spec.
      - The keys are C(netns), C(link), C(veth), C(bridge), C(netns_route), C(netns_neighbor), C(netns_sysctl),
        C(masquerade), C(forward_accept) and C(fastpath).
      - Required when O(state=present). An empty document (V({})) declares nothing; with O(purge=true) everything that
        the topology made is removed.
    type: dict
  purge:
    description: Whether to remove what an earlier run of this topology made and the document no longer declares.
    type: bool
    default: true
seealso:
  - module: nsfabric.linux.topology_info
  - module: nsfabric.linux.netns
  - module: nsfabric.linux.veth
"""

EXAMPLES = r"""
---
- name: Put two namespaces on a bridge and let them out
  nsfabric.linux.topology:
    name: lab
    config:
      netns:
        - name: ns1
        - name: ns2
      bridge:
        - {name: br0, addresses: [10.1.0.254/24]}
      veth:
        - {netns: ns1, name: veth1, addresses: [10.1.0.1/24], peer: {name: br-veth1, master: br0}}
        - {netns: ns2, name: veth2, addresses: [10.1.0.2/24], peer: {name: br-veth2, master: br0}}
      netns_route:
        - {netns: ns1, destination: default, gateway: 10.1.0.254}
        - {netns: ns2, destination: default, gateway: 10.1.0.254}
      netns_sysctl:
        - {name: net.ipv4.ip_forward, value: 1}
      masquerade:
        - {source: 10.1.0.0/24, out_interface: "!br0"}

- name: Leave the host as it was found
  nsfabric.linux.topology:
    name: lab
    state: absent
"""

RETURN = r"""
---
topology:
  description: The topology as it is after the run; null when it is absent. In check mode, as it would be.
  returned: success
  type: dict
  contains:
    name: {type: str, description: Its name.}
    config:
      description: Everything that the document declares, as the kernel has it, in the same vocabulary.
      type: dict
  sample:
    name: lab
    config:
      netns:
        - {name: ns1, lo_up: true}
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
    - resource: netns
      netns: ns1
      change: create
      what: create namespace ns1
      why: the namespace does not exist
      command: ip netns add ns1
problems:
  description: Everything that is wrong with the options. Nothing was changed.
  returned: when the options cannot be accepted
  type: list
  elements: dict
  contains:
    path: {type: str, description: "The option, such as V(config.veth[3].peer.name)."}
    message: {type: str, description: "What is wrong with it, and what would be right."}
"""

from ansible_collections.nsfabric.linux.plugins.module_utils._topology import run_topology


def main() -> None:
    run_topology()


if __name__ == "__main__":
    main()
