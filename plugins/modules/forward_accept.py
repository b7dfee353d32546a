#!/usr/bin/python
# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: forward_accept
short_description: Manage rules that let traffic be forwarded
version_added: 1.0.0
author:
  - nsfabric contributors (@nsfabric)
description:
  - Has a rule that accepts packets which are forwarded from device to device and, where br_netfilter is in force,
    packets which are bridged. It is for the IP version of its prefixes, and without a prefix for both.
  - The rule goes into every chain that would drop them, such as the C(FORWARD) chain whose policy Docker sets to
    C(DROP), whichever tool keeps that chain. An accept elsewhere could not undo that drop. Where nothing drops,
    O(backend) decides.
  - A rule is known by the packets that it matches. Declared twice, it is still one rule. Rules of others are never
    touched, and rules that cannot be looked at are an error.
extends_documentation_fragment:
  - nsfabric.linux.attributes
  - nsfabric.linux.netns
  - nsfabric.linux.netfilter
options:
  state:
    description: Whether the rule exists.
    type: str
    choices: [present, absent]
    default: present
  in_interface:
    description: Only packets that come in by this device. With a leading V(!), only those from another one.
    type: str
  out_interface:
    description: Only packets that leave by this device. With a leading V(!), only those that leave by another one.
    type: str
  source:
    description:
      - Only packets from this prefix, IPv4 or IPv6.
      - At least one of O(in_interface), O(out_interface), O(source) and O(destination) is needed. V(0.0.0.0/0) or
        V(::/0) says that every packet of that IP version is meant.
    type: str
  destination:
    description: Only packets to this prefix.
    type: str
  replies:
    description: Whether packets of connections made this way are accepted on their way back as well.
    type: bool
    default: false
seealso:
  - module: nsfabric.linux.masquerade
  - module: nsfabric.linux.netns_sysctl
  - module: nsfabric.linux.topology
"""

EXAMPLES = r"""
---
- name: Let the namespaces on a bridge talk to each other
  nsfabric.linux.forward_accept:
    in_interface: br0
    out_interface: br0

- name: Let them talk to the outside, and the answers come back
  nsfabric.linux.forward_accept:
    in_interface: br0
    out_interface: "!br0"
    source: 10.1.0.0/24
    replies: true

- name: Let them talk to each other no longer
  nsfabric.linux.forward_accept:
    in_interface: br0
    out_interface: br0
    state: absent
"""

RETURN = r"""
---
forward_accept:
  description: The rule as it is after the run; null when it is absent. In check mode, as it would be.
  returned: success
  type: dict
  contains:
    netns: {type: str, description: Its namespace; null on the host.}
    in_interface: {type: str, description: The device the packets come in by; null for any.}
    out_interface: {type: str, description: The device they leave by; null for any.}
    source: {type: str, description: The packets' source; null for any.}
    destination: {type: str, description: The packets' destination; null for any.}
    replies: {type: bool, description: Whether the way back is accepted as well.}
    backend: {type: str, description: The tool that holds it.}
  sample:
    netns:
    in_interface: br0
    out_interface: "!br0"
    source: 10.1.0.0/24
    destination:
    replies: true
    backend: iptables
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
    - resource: forward_accept
      netns:
      change: create
      what: "add a rule to iptables-nft ip filter FORWARD: in br0 out !br0 from 10.1.0.0/24 accept"
      why: "iptables-nft ip filter FORWARD would drop the traffic: its policy is drop"
      command: >-
        iptables -t filter -I FORWARD -i br0 ! -o br0 -s 10.1.0.0/24 -m comment
        --comment 'nsfabric forward_accept in br0 out !br0 from 10.1.0.0/24' -j ACCEPT
problems:
  description: Everything that is wrong with the options. Nothing was changed.
  returned: when the options cannot be accepted
  type: list
  elements: dict
  contains:
    path: {type: str, description: "The option, such as V(in_interface)."}
    message: {type: str, description: "What is wrong with it, and what would be right."}
"""

from ansible_collections.nsfabric.linux.plugins.module_utils._glue import run_resource


def main() -> None:
    run_resource("forward_accept")


if __name__ == "__main__":
    main()
