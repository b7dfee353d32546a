# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one error that the kernel side raises."""

from __future__ import annotations

from ._model.state import place


class KernelError(Exception):
    """What was attempted, in which namespace, what the kernel said, and what to try."""

    def __init__(self, attempted: str, netns: str, said: str, hint: str = "") -> None:
        self.attempted = attempted
        self.netns = netns
        self.said = said
        self.hint = hint
        super().__init__(f"cannot {attempted} in {place(netns)}: {said}" + (f"; {hint}" if hint else ""))
