# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Imported for its effect, before all else: what comes out of Ansible's archive is compiled once.

Ansible sends a module and what it imports as a zip file without bytecode. Python's importer of such files compiles
each of them twice, because it looks for the file's name in the compiled code; a hundred files take a fifth of a
second so.
"""

from __future__ import annotations

import sys
import zipimport


class Importer(zipimport.zipimporter):
    """Imports from an archive of sources, and knows a file's name without having compiled it."""

    def get_filename(self, fullname: str) -> str:
        """The path of a module's file; ZipImportError where there is none."""
        stem = "/".join((self.archive, self.prefix + fullname.rpartition(".")[2]))
        return stem + ("/__init__.py" if self.is_package(fullname) else ".py")


if isinstance(__spec__.loader, zipimport.zipimporter):
    sys.path_hooks.insert(0, Importer)
    sys.path_importer_cache.clear()
