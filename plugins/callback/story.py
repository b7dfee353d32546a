# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: story
type: stdout
short_description: Tells a play as a story
version_added: 1.0.0
author:
  - nsfabric contributors (@nsfabric)
description:
  - Prints what M(ansible.builtin.debug) tasks say as plain text, without quoting, and failures in full.
  - Of the other tasks only those that changed something are named. Made for the C(nsfabric.linux.lab) playbook.
extends_documentation_fragment:
  - default_callback
  - result_format_callback
"""

from typing import Any

from ansible.plugins.callback.default import CallbackModule as Default


class CallbackModule(Default):
    """The default callback, with less of the machinery and more of the text."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "nsfabric.linux.story"

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Plays are not shown."""
        self._play = play

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """Tasks are shown when they end."""
        self._task_start(task, prefix="TASK")

    def _print_task_banner(self, task: Any) -> None:
        """No banners, not before failures either: a failure names its task itself."""
        self._last_task_banner = task._uuid

    def v2_runner_on_ok(self, result: Any) -> None:
        """Plain text of `debug`; a line for what changed."""
        task, said = result.task, result.result
        if task.action in ("ansible.builtin.debug", "debug"):
            text = said.get("msg", "")
            self._display.display("\n".join(map(str, text)) if isinstance(text, list) else str(text))
        elif said.get("changed") and not task.check_mode:
            self._display.display(f"  {result.host.get_name()}: {task.get_name()}", color="yellow")
        self._handle_warnings_and_exception(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """The message as it was written, lines and all."""
        if "results" in result.result:
            return
        text = str(result.result.get("msg", result.result))
        self._display.display(f"\n{result.host.get_name()}: {result.task.get_name()} failed:\n{text}", color="red")
        if self._display.verbosity:
            self._handle_warnings_and_exception(result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        """Not shown."""

    def v2_runner_item_on_ok(self, result: Any) -> None:
        """Not shown: the task says at its end whether it changed something."""

    def v2_runner_item_on_skipped(self, result: Any) -> None:
        """Not shown."""

    def v2_runner_item_on_failed(self, result: Any) -> None:
        """One failure for each item; the task as a whole has nothing to add."""
        self.v2_runner_on_failed(result)

    def v2_playbook_on_include(self, included_file: Any) -> None:
        """Not shown."""

    def v2_playbook_on_no_hosts_matched(self) -> None:
        """Not shown: a play for a host that is not needed."""

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """No recap: the text has said how it went."""
