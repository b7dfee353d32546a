# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every module of the collection says of itself."""

from __future__ import annotations


class ModuleDocFragment:
    """Attributes and requirements."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and return the changed status prediction without modifying the target.
    support: full
    details:
      - The plan shown is the very plan that would be run.
      - A namespace or device that is missing may be one that an earlier task of the play makes. It is planned as
        if it were there, with nothing in it, and a warning says so.
  diff_mode:
    description: Returns details on what has changed, or would change in check mode, when in diff mode.
    support: full
  idempotent:
    description: When run twice in a row outside check mode with the same options, the second run changes nothing.
    support: full
  platform:
    description: The operating systems that can be managed.
    support: full
    platforms: linux
  action_group:
    description: Use C(group/nsfabric.linux.all) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - nsfabric.linux.all
requirements:
  - Linux
  - Python >= 3.9 on the target
  - pyroute2 >= 0.7 on the target
  - the capabilities CAP_NET_ADMIN and CAP_SYS_ADMIN, which root has
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and return the changed status prediction without modifying the target.
    support: full
    details:
      - The module only reads.
  diff_mode:
    description: Returns details on what has changed, or would change in check mode, when in diff mode.
    support: N/A
    details:
      - The module only reads.
  idempotent:
    description: When run twice in a row outside check mode with the same options, the second run changes nothing.
    support: full
    details:
      - The module only reads.
  platform:
    description: The operating systems that can be managed.
    support: full
    platforms: linux
  action_group:
    description: Use C(group/nsfabric.linux.all) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - nsfabric.linux.all
requirements:
  - Linux
  - Python >= 3.9 on the target
  - pyroute2 >= 0.7 on the target
  - the capabilities CAP_NET_ADMIN and CAP_SYS_ADMIN, which root has
"""
