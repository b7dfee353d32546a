# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the netfilter modules share."""

from __future__ import annotations


class ModuleDocFragment:
    """The option `backend`."""

    DOCUMENTATION = r"""
options:
  backend:
    description:
      - The tool that keeps the rule.
      - V(auto) leaves a rule with the tool that has it. A new one goes to nftables, unless C(nft) is missing or the
        tables of legacy iptables are in use.
    type: str
    choices: [auto, nftables, iptables]
    default: auto
requirements:
  - nft or iptables on the target
"""
