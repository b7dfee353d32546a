# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""pyroute2's message classes, without all the rest of it.

Importing anything of pyroute2 imports 370 modules (asyncio, ssl, sqlite3 among them), which takes a tenth of a
second; the classes that encode messages need a tenth of those. So the package's own code waits until somebody
asks the package for something that only that code provides.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

NAME = "pyroute2"


class _Waiting(ModuleType):
    """A package that can be imported from, and whose own code has not run yet."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        submodule = f"{self.__name__}.{name}"
        if importlib.util.find_spec(submodule):
            return importlib.import_module(submodule)
        self.__class__ = ModuleType  # type: ignore[assignment]
        self.__spec__.loader.exec_module(self)  # type: ignore[union-attr]
        return getattr(self, name)


def wait() -> None:
    """Lets the package wait; nothing where there is none, or where it has been imported already."""
    spec = None if NAME in sys.modules else importlib.util.find_spec(NAME)
    if spec is not None and spec.loader is not None:
        package = importlib.util.module_from_spec(spec)
        package.__class__ = _Waiting
        sys.modules[NAME] = package
