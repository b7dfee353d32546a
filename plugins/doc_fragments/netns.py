# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The namespace that a thing lives in."""

from __future__ import annotations


class ModuleDocFragment:
    """The option `netns`."""

    DOCUMENTATION = r"""
options:
  netns:
    description:
      - The network namespace, by its name under C(/run/netns).
      - Left out, it is the namespace that the module runs in, called the host.
    type: str
"""
