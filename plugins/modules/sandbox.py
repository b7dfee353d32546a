#!/usr/bin/python
# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: sandbox
short_description: Make hosts to try networks on, without touching the real one
version_added: 1.0.0
author:
  - nsfabric contributors (@nsfabric)
description:
  - Makes or removes sandbox hosts. A sandbox host is a network namespace with a mount namespace of its own, so that it
    has its own devices, routes, rules, named namespaces (C(/run/netns)), C(/sys) and records (C(/run/nsfabric)). It
    shares the processes, the users and all other files of the machine.
  - It needs no process. Both namespaces are pinned below C(/run/nsfabric/sandboxes), as C(NAME/net) and C(NAME/mnt),
    until they are removed or the machine restarts. Tasks run inside with P(nsfabric.linux.enter#connection), commands
    with C(nsenter).
  - Each has an uplink C(eth0) to a LAN that all of them share. Their router on it is one more host, C(outside), which
    can be entered like the others. It has the first address of the subnet, and answers for 8.8.8.8 and
    2001:4860:4860::8888. No packet leaves the machine, and nothing in the machine's own network changes.
  - A host starts with the kernel's own defaults of the IPv4 and IPv6 settings, whatever the machine has made of its.
    What is changed inside it afterwards is left alone. Only an uplink whose cable was deleted is made again.
  - Hosts that an interrupted run left unfinished are removed by the next run, or made anew.
extends_documentation_fragment:
  - nsfabric.linux.attributes
options:
  names:
    description:
      - The names of the hosts. Letters, digits, V(-) and V(_), at most 40.
      - V(outside) and V(lan) are taken. Both come with the first host and go with the last one.
    type: list
    elements: str
    required: true
    aliases: [name]
  state:
    description:
      - V(present) makes the hosts that are not there yet. Each gets the first free address from the tenth one on, and
        keeps it.
      - V(absent) removes them with everything in them, and waits until it is gone. With the last host the LAN goes
        as well. A host that a process still lives in is not removed, and the error names the process.
    type: str
    choices: [present, absent]
    default: present
  subnet:
    description:
      - The IPv4 subnet of the LAN. Left out, it is what it is, or C(10.211.55.0/24) for the first hosts.
      - It cannot be changed while there are sandbox hosts.
    type: str
  subnet6:
    description:
      - The IPv6 subnet of the LAN. Left out, it is what it is, or C(fd00:10:211:55::/64) for the first hosts, or none
        where the kernel has no IPv6. The empty string means none.
      - It cannot be changed while there are sandbox hosts.
    type: str
seealso:
  - module: nsfabric.linux.topology
  - plugin: nsfabric.linux.enter
    plugin_type: connection
"""

EXAMPLES = r"""
---
- name: Make two hosts
  nsfabric.linux.sandbox:
    names: [rack1, rack2]
  register: made

- name: Have them in the inventory
  ansible.builtin.add_host:
    name: "{{ item.name }}"
    ansible_connection: nsfabric.linux.enter
    ansible_enter_sandbox: "{{ item.name }}"
  loop: "{{ made.sandboxes }}"

- name: Remove them
  nsfabric.linux.sandbox:
    names: [rack1, rack2]
    state: absent
"""

RETURN = r"""
---
sandboxes:
  description:
    - The hosts asked for, as they are after the run. In check mode, as they would be.
    - Empty with O(state=absent).
  returned: success
  type: list
  elements: dict
  contains:
    name: {type: str, description: Its name.}
    address: {type: str, description: The IPv4 address its C(eth0) was given.}
    address6: {type: str, description: The IPv6 address its C(eth0) was given; null where the LAN has no IPv6.}
    net: {type: str, description: Where its network namespace is pinned.}
    mnt: {type: str, description: Where its mount namespace is pinned.}
  sample:
    - name: rack1
      address: 10.211.55.10
      address6: fd00:10:211:55::a
      net: /run/nsfabric/sandboxes/rack1/net
      mnt: /run/nsfabric/sandboxes/rack1/mnt
lan:
  description: The LAN that all sandbox hosts share; null when there is none any more.
  returned: success
  type: dict
  contains:
    subnet: {type: str, description: Its IPv4 subnet.}
    subnet6: {type: str, description: Its IPv6 subnet; null where it has none.}
    gateway: {type: str, description: The IPv4 address of C(outside).}
    gateway6: {type: str, description: The IPv6 address of C(outside); null where it has none.}
  sample:
    subnet: 10.211.55.0/24
    subnet6: fd00:10:211:55::/64
    gateway: 10.211.55.1
    gateway6: fd00:10:211:55::1
steps:
  description:
    - What was done, in this order; in check mode, what would be done.
    - Empty when nothing had to change. The task is changed exactly when there are steps.
  returned: success
  type: list
  elements: dict
  contains:
    resource: {type: str, description: "The kind of thing, as the module that manages it is called."}
    netns: {type: str, description: "The host the step works in, or V(lan); null on the machine itself."}
    change: {type: str, description: "What becomes of the thing: V(create), V(change) or V(delete)."}
    what: {type: str, description: The change.}
    why: {type: str, description: The reason for it.}
    command: {type: str, description: "The equivalent command, for a person to read. It was not run."}
  sample:
    - resource: netns
      netns: rack1
      change: change
      what: set up on lo
      why: it is down
      command: nsenter --net=/run/nsfabric/sandboxes/rack1/net ip link set dev lo up
problems:
  description: Everything that is wrong with the options. Nothing was changed.
  returned: when the options cannot be accepted
  type: list
  elements: dict
  contains:
    path: {type: str, description: "The option, such as V(names[0])."}
    message: {type: str, description: "What is wrong with it, and what would be right."}
"""

from ansible_collections.nsfabric.linux.plugins.module_utils._sandbox import run_sandbox


def main() -> None:
    run_sandbox()


if __name__ == "__main__":
    main()
