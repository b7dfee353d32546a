# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs of the host: found, run in the namespace of the calling thread, their failure told."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache

from .._model.firewall import IPTABLES, IPTABLES_LEGACY, IPTABLES_NFT, tool

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SECONDS = 30


class ProgramFailed(Exception):
    """What was attempted, what the program said, and what to try."""

    def __init__(self, attempted: str, said: str, hint: str = "") -> None:
        self.attempted = attempted
        self.said = said
        self.hint = hint
        super().__init__(f"{attempted}: {said}")


def which(name: str) -> str:
    """Where a program is; "" where there is none."""
    return shutil.which(name, path=PATH) or ""


def run(attempted: str, program: str, *arguments: str, text: str = "") -> str:
    """What a program prints; `text` is what it reads."""
    try:
        # AnsibleModule.run_command has no time limit.
        done = subprocess.run(  # pylint: disable=ansible-bad-function
            [program, *arguments],
            input=text,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            env={"PATH": PATH, "LC_ALL": "C"},
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ProgramFailed(attempted, f"{program} did not finish within {SECONDS} seconds") from None
    except OSError as error:
        raise ProgramFailed(attempted, f"{program}: {error.strerror}") from error
    if done.returncode == 0:
        return done.stdout
    said = "; ".join(line.strip() for line in done.stderr.splitlines() if line.strip())
    denied = any(word in said for word in ("ermitted", "ermission denied"))
    hint = "it needs root's privilege (CAP_NET_ADMIN)" if denied else ""
    raise ProgramFailed(attempted, said or f"{os.path.basename(program)} ended with {done.returncode}", hint)


@cache
def installed() -> dict[str, str]:
    """The netfilter programs of this host and where they are; of iptables, what -save and -restore are added to."""
    found = {"nft": which("nft")}
    default = default_iptables()
    for variant in (IPTABLES_NFT, IPTABLES_LEGACY):
        for family in ("ip", "ip6"):
            name, plain = tool(variant, family), tool(IPTABLES, family)
            path = which(name) or (which(plain) if variant == default else "")
            found[name] = path if path and which(f"{path}-save") and which(f"{path}-restore") else ""
    return {name: path for name, path in found.items() if path}


@cache
def default_iptables() -> str:
    """Which of the two the plain command is; "" where there is none."""
    path = which(IPTABLES)
    if not path:
        return next((name for name in (IPTABLES_NFT, IPTABLES_LEGACY) if which(name)), "")
    real = os.path.basename(os.path.realpath(path))
    if "nft" in real or "legacy" in real:
        return IPTABLES_NFT if "nft" in real else IPTABLES_LEGACY
    # Up to version 1.6 there was one iptables, which said nothing of its kind.
    return IPTABLES_NFT if "nf_tables" in run("ask iptables for its version", path, "-V") else IPTABLES_LEGACY
