#!/usr/bin/python
# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: reachability
short_description: Prove who can and who cannot reach whom
version_added: 1.0.0
author:
  - nsfabric contributors (@nsfabric)
description:
  - Sends echo requests (ICMP and ICMPv6) and attempts TCP connections from network namespaces and from the host, all
    of them at the same time, and returns what came back as data.
  - The probes leave sockets inside the namespaces. No C(ping) or other program is needed, and not pyroute2 either.
  - An answer counts when it comes from the very address that was asked and brings back the bytes that were sent.
    ICMP errors about a probe, and errors of sending it, are told as the reason.
  - The checks that expect unreachable begin when those that expect reachable have come to an end. A network that is
    still settling is then not taken for one that keeps its ends apart, if there is a check of each kind.
  - When very many pairs are checked, entries that the kernel learned by itself are deleted from the neighbour tables
    of the namespaces concerned, before the tables overflow. They are learned again when they are needed.
extends_documentation_fragment:
  - nsfabric.linux.attributes.info
attributes:
  check_mode:
    details:
      - The same probes are sent as outside check mode. They change nothing.
      - What earlier tasks of the play would build is not there to be probed. A check from a namespace that does not
        exist is skipped with a warning, and an expectation that does not hold is a warning instead of a failure.
  diff_mode:
    details:
      - There is nothing to show, since nothing changes.
  idempotent:
    details:
      - RV(ignore:changed) is always false.
options:
  checks:
    description:
      - What is to be checked. The rows of RV(results) come in the same order.
      - All of it is looked at before the first probe is sent. Whatever is wrong is told at once.
      - Without any, nothing is probed, RV(ok) is true, and a warning says so.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: A label, for whoever reads the table.
        type: str
      from:
        description:
          - The namespace that the probe starts in, by its name under C(/run/netns).
          - Left out, it is the namespace that the module runs in, called the host.
        type: str
      to:
        description:
          - The IPv4 or IPv6 address that should answer. Names are not looked up.
          - A link-local IPv6 address needs O(checks[].device).
        type: str
        required: true
      protocol:
        description:
          - V(icmp) sends echo requests.
          - V(tcp) connects to O(checks[].port) and closes the connection. One that is refused has not reached it.
        type: str
        choices: [icmp, tcp]
        default: icmp
      port:
        description: The TCP port. Required with V(tcp).
        type: int
      expected:
        description:
          - V(reachable) holds when every probe of one attempt is answered.
          - V(unreachable) holds when there is no answer throughout O(checks[].wait). Probes are sent again and again
            during that time.
        type: str
        choices: [reachable, unreachable]
        default: reachable
      device:
        description: The device that the probes leave by, whatever the routes say.
        type: str
      source:
        description: The address that the probes are sent from. It has to be one of the namespace's own.
        type: str
      size:
        description:
          - How many bytes of payload an echo request carries. It must not be fragmented, so that this finds the places
            where the MTU is too small. The packet is 28 bytes larger with IPv4, and 48 bytes with IPv6.
          - Left out, it is 56 bytes, and fragmenting is allowed.
        type: int
      expected_ttl:
        description:
          - The TTL (hop limit) that the answers must arrive with. Linux sends 64, and each router takes one off.
        type: int
      count:
        description:
          - How many probes are sent in one attempt, 10 milliseconds apart. RV(results[].loss) is counted over them.
        type: int
        default: 1
      wait:
        description: How many seconds an answer is waited for, from 0.05 to 60.
        type: float
        default: 1
      timeout:
        description:
          - A check that expects reachable and does not hold is asked again, four times a second at most, until it holds
            or this many seconds are over. No attempt begins after them. With V(0) there is one attempt.
          - It makes no difference to V(unreachable).
        type: float
        default: 5
      retries:
        description: How often it is asked again at most, within O(checks[].timeout). Left out, there is no limit.
        type: int
  fail:
    description:
      - Whether the task fails when an expectation does not hold.
      - With V(false), RV(ok) tells.
    type: bool
    default: true
seealso:
  - module: nsfabric.linux.topology
  - module: nsfabric.linux.topology_info
"""

EXAMPLES = r"""
---
- name: Two namespaces reach each other through a router, and one of them the router itself
  nsfabric.linux.reachability:
    checks:
      - {from: ns1, to: 10.244.2.2, expected_ttl: 63}
      - {from: ns2, to: 10.244.1.2, expected_ttl: 63}
      - {from: ns1, to: "fd00:244:1::1"}

- name: A web server answers, and its database cannot be reached from outside
  nsfabric.linux.reachability:
    checks:
      - {name: web, to: 10.1.0.1, protocol: tcp, port: 80}
      - {name: database, to: 10.1.0.2, protocol: tcp, port: 5432, expected: unreachable}

- name: Full frames pass between all pairs on a bridge
  nsfabric.linux.reachability:
    checks: "{{ pairs }}"
  vars:
    addresses: {ns1: 10.1.0.1, ns2: 10.1.0.2, ns3: 10.1.0.3}
    pairs: >-
      {%- set found = [] -%}
      {%- for one in addresses -%}
      {%- for other in addresses if other != one -%}
      {{- found.append({'from': one, 'to': addresses[other], 'size': 1472}) -}}
      {%- endfor -%}
      {%- endfor -%}
      {{- found -}}

- name: The cable carries it, whatever the routes say
  nsfabric.linux.reachability:
    checks:
      - {to: 10.1.1.3, device: veth1a, count: 5}

- name: See who reaches the uplink, without failing
  nsfabric.linux.reachability:
    checks:
      - {from: ns1, to: 8.8.8.8}
      - {from: ns2, to: 8.8.8.8}
    fail: false
  register: outside

- name: Show it
  ansible.builtin.debug:
    msg: "{{ outside.table }}"
"""

RETURN = r"""
---
ok:
  description: Whether every check that was made is as expected.
  returned: when probes were sent
  type: bool
  sample: true
results:
  description: One row for each check, in the order of O(checks).
  returned: when probes were sent
  type: list
  elements: dict
  contains:
    name: {type: str, description: The check's label; null without one.}
    from: {type: str, description: The namespace that the probes started in; null for the host.}
    to: {type: str, description: The address that was asked.}
    protocol: {type: str, description: "V(icmp) or V(tcp)."}
    port: {type: int, description: The TCP port; null for ICMP.}
    device: {type: str, description: The device asked for; null without one.}
    source: {type: str, description: The source address asked for; null without one.}
    size: {type: int, description: The payload asked for; null without one.}
    expected: {type: str, description: "V(reachable) or V(unreachable)."}
    expected_ttl: {type: int, description: The TTL asked for; null without one.}
    reachable: {type: bool, description: Whether any answer came; null when the check was skipped.}
    ok:
      type: bool
      description:
        - Whether it is as expected. Answers that are lost, or that have another TTL than expected, are not.
        - Null when the check was skipped.
    skipped: {type: bool, description: "Whether it was left out, in check mode, because its namespace does not exist."}
    attempts: {type: int, description: How many attempts were made; null when the check was skipped.}
    sent:
      type: int
      description:
        - Probes of the last attempt; of all attempts where V(unreachable) is expected.
        - Null when the check was skipped.
    received: {type: int, description: How many of them were answered; null when the check was skipped.}
    loss:
      type: float
      description: The part that was not answered, from V(0) to V(1); null when the check was skipped.
    rtt_ms:
      type: dict
      description: Round trip times of echo requests in milliseconds; null without an answer, and for TCP.
      contains:
        min: {type: float, description: The shortest.}
        avg: {type: float, description: The mean.}
        max: {type: float, description: The longest.}
    ttl: {type: int, description: The TTL that the last answer arrived with; null for TCP.}
    connect_ms: {type: float, description: "How long it took to connect, in milliseconds; null for ICMP."}
    reason:
      type: str
      description:
        - Why there was no answer, in the words of the kernel or of the ICMP error with its sender.
        - Why a check is not as expected. Null where there is nothing to explain.
  sample:
    - name: null
      from: ns1
      to: 10.1.0.2
      protocol: icmp
      port: null
      device: null
      source: null
      size: null
      expected: reachable
      expected_ttl: null
      reachable: true
      ok: true
      skipped: false
      attempts: 1
      sent: 1
      received: 1
      loss: 0.0
      rtt_ms: {min: 0.043, avg: 0.043, max: 0.043}
      ttl: 64
      connect_ms: null
      reason: null
table:
  description: The same for a person to read, a line for each check. A failed task's message has the lines that failed.
  returned: when probes were sent
  type: str
  sample: |-
    RESULT  FROM  TO        PROTOCOL  EXPECTED   FOUND      LOSS  TIME      TTL
    ok      ns1   10.1.0.2  icmp      reachable  reachable  0 %   0.043 ms  64
matrix:
  description:
    - Who reaches whom, one character for each pair, with its legend.
    - The empty string for 12 checks and less.
  returned: when probes were sent
  type: str
  sample: ""
problems:
  description: Everything that is wrong with the options. No probe was sent.
  returned: when the options cannot be accepted
  type: list
  elements: dict
  contains:
    path: {type: str, description: "The option, such as V(checks[3].to)."}
    message: {type: str, description: "What is wrong with it, and what would be right."}
"""

from ansible_collections.nsfabric.linux.plugins.module_utils._reachability import run_reachability


def main() -> None:
    run_reachability()


if __name__ == "__main__":
    main()
