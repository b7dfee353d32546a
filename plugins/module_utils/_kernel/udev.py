# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""udev, where it is at work: its rules write settings of every device that appears on the host."""

from __future__ import annotations

import os
from contextlib import suppress

from .programs import ProgramFailed, run, which

CONTROL = "/run/udev/control"
# Less than what a program is given at all.
SECONDS = 20


def settle() -> None:
    """Waits until udev has had its say, systemd-sysctl (rp_filter and the like) included; what comes after it stays.

    Where it does not end in time the run goes on: what the kernel holds is read back in any case.
    """
    program = which("udevadm") if os.path.exists(CONTROL) else ""
    if program:
        with suppress(ProgramFailed):
            run("wait for udev", program, "settle", f"--timeout={SECONDS}")
