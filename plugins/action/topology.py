# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a module of this collection as any other, packed once for all playbooks, and without Python's garbage collector.

`meta/runtime.yml` names it for every module. Ansible parses all that a module imports to pack it, in a process
that lives for one task of one host. Each tree of a file refers to itself, so that nothing is freed while they
grow, and the collector searches them in vain: a third of the time it takes to pack these modules.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ansible.plugins.action.normal import ActionModule as Normal

from ansible_collections.nsfabric.linux.plugins.plugin_utils._packed import kept

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector away, and let it return if it was there."""
    returns = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if returns:
            gc.enable()


class ActionModule(Normal):
    """What Ansible does for a module that has no action plugin."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module on the host, and return its result."""
        with _uncollected(), kept(self._task.action.rpartition(".")[2]):
            result: dict[str, Any] = super().run(tmp, task_vars)
        return result
