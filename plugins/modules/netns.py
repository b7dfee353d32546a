#!/usr/bin/python
# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: netns
short_description: Manage a network namespace
version_added: 1.0.0
author:
  - nsfabric contributors (@nsfabric)
description:
  - Makes or deletes one named network namespace, the kind that C(ip netns) lists. Both can be used on the same
    namespaces.
  - A namespace counts as there only when a namespace is mounted on its very name. A file of that name with
    nothing mounted on it is an error that says how to remove it.
extends_documentation_fragment:
  - nsfabric.linux.attributes
options:
  name:
    description: The name of the namespace, a file name below C(/run/netns).
    type: str
    required: true
  state:
    description:
      - V(present) makes the namespace.
      - V(absent) deletes it with everything in it, and waits until the far ends of the cables that ended in it are
        gone from the other namespaces. Physical devices in it return to the machine's initial namespace.
    type: str
    choices: [present, absent]
    default: present
  lo_up:
    description:
      - Whether the loopback device of the namespace is up. The kernel makes it down, and then a process in the
        namespace cannot reach the namespace's own addresses.
    type: bool
    default: true
seealso:
  - module: nsfabric.linux.link
  - module: nsfabric.linux.topology
  - module: nsfabric.linux.veth
"""

EXAMPLES = r"""
---
- name: Have a namespace
  nsfabric.linux.netns:
    name: ns1

- name: Have another one, whose loopback device stays down
  nsfabric.linux.netns:
    name: ns2
    lo_up: false

- name: Delete a namespace with everything in it
  nsfabric.linux.netns:
    name: ns1
    state: absent
"""

RETURN = r"""
---
netns:
  description: The namespace as it is after the run; null when it is absent. In check mode, as it would be.
  returned: success
  type: dict
  contains:
    name: {type: str, description: Its name.}
    lo_up: {type: bool, description: Whether its loopback device is up.}
  sample:
    name: ns1
    lo_up: true
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
    - resource: netns
      netns: ns1
      change: change
      what: set up on lo
      why: it is down
      command: ip -n ns1 link set dev lo up
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
    run_resource("netns")


if __name__ == "__main__":
    main()
