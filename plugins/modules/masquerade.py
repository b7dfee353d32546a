#!/usr/bin/python
# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: masquerade
short_description: Manage source NAT on the way out
version_added: 1.0.0
author:
  - nsfabric contributors (@nsfabric)
description:
  - Has a rule that gives packets on their way out the address of the device they leave by. It is for the IP version of
    its prefixes, and without a prefix for both.
  - A rule is known by its O(source), O(destination) and O(out_interface). Declared twice, it is still one rule.
    Rules of others are never touched, and rules that cannot be looked at are an error.
  - Forwarding must be on in the namespace for packets of others to pass at all; see M(nsfabric.linux.netns_sysctl).
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
  source:
    description:
      - Only packets from this prefix, IPv4 or IPv6.
      - At least one of O(source), O(destination) and O(out_interface) is needed. V(0.0.0.0/0) or V(::/0) says
        that every packet of that IP version is meant.
    type: str
  destination:
    description: Only packets to this prefix.
    type: str
  out_interface:
    description:
      - Only packets that leave by this device. With a leading V(!), only those that leave by another one.
      - V(!br0) matters for the namespaces on a bridge. Where bridged packets pass netfilter, neighbours on the bridge
        would be translated as well without it.
    type: str
seealso:
  - module: nsfabric.linux.forward_accept
  - module: nsfabric.linux.netns_sysctl
  - module: nsfabric.linux.topology
"""

EXAMPLES = r"""
---
- name: Let the namespaces on a bridge reach the outside under the host's address
  nsfabric.linux.masquerade:
    source: 10.1.0.0/24
    out_interface: "!br0"

- name: The same for IPv6, whatever the host uses otherwise
  nsfabric.linux.masquerade:
    source: fd00:1::/64
    out_interface: "!br0"
    backend: nftables

- name: Translate no longer
  nsfabric.linux.masquerade:
    source: 10.1.0.0/24
    out_interface: "!br0"
    state: absent
"""

RETURN = r"""
---
masquerade:
  description: The rule as it is after the run; null when it is absent. In check mode, as it would be.
  returned: success
  type: dict
  contains:
    netns: {type: str, description: Its namespace; null on the host.}
    source: {type: str, description: The packets' source; null for any.}
    destination: {type: str, description: The packets' destination; null for any.}
    out_interface: {type: str, description: The device they leave by; null for any.}
    backend: {type: str, description: The tool that holds it.}
  sample:
    netns:
    source: 10.1.0.0/24
    destination:
    out_interface: "!br0"
    backend: nftables
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
    - resource: masquerade
      netns:
      change: create
      what: "add a rule to inet nsfabric postrouting: out !br0 from 10.1.0.0/24 masquerade"
      why: the rule is missing
      command: >-
        nft 'add rule inet nsfabric postrouting oifname != "br0" ip saddr 10.1.0.0/24 masquerade
        comment "nsfabric masquerade out !br0 from 10.1.0.0/24"'
problems:
  description: Everything that is wrong with the options. Nothing was changed.
  returned: when the options cannot be accepted
  type: list
  elements: dict
  contains:
    path: {type: str, description: "The option, such as V(source)."}
    message: {type: str, description: "What is wrong with it, and what would be right."}
"""

from ansible_collections.nsfabric.linux.plugins.module_utils._glue import run_resource


def main() -> None:
    run_resource("masquerade")


if __name__ == "__main__":
    main()
