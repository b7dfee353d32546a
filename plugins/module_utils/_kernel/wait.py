# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bounded waiting for a condition."""

from __future__ import annotations

import time
from typing import Callable

INTERVAL = 0.002


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Polls until the condition holds; False when the time is over."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(INTERVAL)
    return True
