# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an inventory of sandbox hosts costs: by the number of hosts, and by Ansible's own settings.

    PYTHONPATH=.venv/collections:tests/integration .venv/bin/python3 tests/bench/fleet_settings.py [HOSTS ...]

Prints a line for each play: seconds on the clock, seconds of processor time, and both for one host. Everything happens
inside a throw-away host; nothing of the machine is changed.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

from fleet import Fleet, said
from host import Host

SUBNET = "{{ '10.64.0.0/10' | nsfabric.linux.subnet(groups['all'].index(inventory_hostname), 24) }}"
PLAYS = (("build", "build"), ("build again", "build"), ("drift", "drift"), ("teardown", "teardown"))
SETTINGS_HOSTS = 10
# What differs from 5 forks (Ansible's own default), pipelining and no facts.
SETTINGS = {
    "as above": ({}, False),
    "1 fork": ({"ANSIBLE_FORKS": "1"}, False),
    "20 forks": ({"ANSIBLE_FORKS": "20"}, False),
    "no pipelining": ({"ANSIBLE_PIPELINING": "false"}, False),
    "network facts": ({}, True),
}


def processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(fleet: Fleet, title: str, playbook: str) -> None:
    clock, processor = time.monotonic(), processor_seconds()
    said(fleet.play(playbook))
    clock, processor = time.monotonic() - clock, processor_seconds() - processor
    count = len(fleet.own)
    each = f"{clock / count:8.2f} {processor / count:8.2f}"
    print(f"{count:5} hosts  {title:28} {clock:8.1f} {processor:8.1f} {each}", flush=True)


def run(count: int) -> None:
    host = Host()
    try:
        with tempfile.TemporaryDirectory() as folder:
            names = [f"n{number}" for number in range(count)]
            clock = time.monotonic()
            fleet = Fleet(
                host, Path(folder), names, nsfabric_roles=["bridged"], nsfabric_facts=False, bridged_subnet=SUBNET
            )
            fleet.patience = 3600
            print(f"{count:5} hosts  {'made':28} {time.monotonic() - clock:8.1f}", flush=True)
            for title, playbook in PLAYS:
                measure(fleet, title, playbook)
            if count != SETTINGS_HOSTS:
                return
            defaults = dict(fleet.settings)
            for title, (settings, facts) in SETTINGS.items():
                fleet.settings = {**defaults, **settings}
                fleet.variables["nsfabric_facts"] = facts
                said(fleet.play("teardown"))
                measure(fleet, f"build, {title}", "build")
    finally:
        host.close()


if __name__ == "__main__":
    print(f"{'':41} {'clock':>8} {'proc.':>8} {'/host':>8} {'/host':>8}")
    for number in map(int, sys.argv[1:] or ("1", "10", "100")):
        run(number)
