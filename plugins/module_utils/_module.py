# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An AnsibleModule that tells everything that is wrong with its options, each with its path."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ansible.module_utils import basic
from ansible.module_utils.basic import AnsibleModule

from ._model.problems import Problems
from ._options import Options


class Module(AnsibleModule):
    """Starts whatever its options are; `problems` says what is wrong with them, `given` are those that are right.

    AnsibleModule itself ends with the first wrong option, does not always tell where it stands, and takes anything
    for text.
    """

    def __init__(self, spec: Mapping[str, Any], **rules: Any) -> None:
        # What a module makes lives until it ends: looking for cycles in it again and again is in vain.
        gc.disable()
        self._starting, self._failure = True, ""
        # An infinite number where a whole one is right is none of the errors that AnsibleModule expects.
        with suppress(OverflowError):
            super().__init__(argument_spec=spec, supports_check_mode=True, **rules)
        self._starting = False
        # What AnsibleModule was given, before it converted it.
        given = {name: value for name, value in basic._load_params().items() if not name.startswith("_ansible_")}
        self.problems = Problems()
        self.given = Options(spec, **rules).read(given, "", self.problems)
        if self._failure and not self.problems:
            self.fail_json(msg=self._failure)

    def fail_json(self, msg: str, **result: Any) -> None:
        """Ends the task; not while it starts."""
        if self._starting:
            self._failure = msg
        else:
            super().fail_json(msg, **result)
