# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Ansible packed to send a module to its hosts, kept for the next playbook.

Ansible parses all that a module imports, and puts it into a zip file: more than half a second for a hundred files
on a slow machine. It keeps the file (`ansiballz_cache`) while one playbook runs. Here a copy of it outlives that
one, in Ansible's home (`~/.ansible/nsfabric_linux`), one file for each module. It counts as long as everything is as
it was that went into it. Where it cannot be kept, is out of date or damaged, Ansible packs as ever.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ansible import constants
from ansible.executor import module_common
from ansible.plugins.loader import module_utils_loader
from ansible.release import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

COLLECTION = Path(__file__).parents[2]
DIGEST = hashlib.sha256().digest_size


@contextmanager
def kept(module: str) -> Iterator[None]:
    """Give Ansible what was packed before of `module` (its name, without the collection's), or keep what it packs.

    Only errors of the task itself leave here.
    """
    session = Path(constants.DEFAULT_LOCAL_TMP, "ansiballz_cache")
    # "none": nothing is packed beside the module, as for a debugger or to measure coverage.
    names = f"ansible_collections.nsfabric.linux.plugins.modules.{module}-*-none"
    if any(session.glob(names)):
        yield
        return
    # Looked up before Ansible reads the sources: who edits them meanwhile makes what is kept out of date.
    sources = _sources()
    store = Path(constants.ANSIBLE_HOME, "nsfabric_linux")
    with suppress(OSError):
        _give_back(store, session, names, sources)
    given = set(session.glob(names))
    yield
    with suppress(OSError):
        for file in set(session.glob(names)) - given:
            _keep(file, store, sources)


def _give_back(store: Path, session: Path, names: str, sources: bytes) -> None:
    """Copy from the store what is up to date."""
    for file in store.glob(names) if _is_private(store) else ():
        content = file.read_bytes()
        packed = content[DIGEST:]
        if content[:DIGEST] == _digest(sources, packed):
            session.mkdir(exist_ok=True)
            _write(session / file.name, packed)


def _keep(file: Path, store: Path, sources: bytes) -> None:
    """Copy to the store what was packed."""
    store.mkdir(mode=0o700, exist_ok=True)
    if _is_private(store):
        packed = file.read_bytes()
        _write(store / file.name, _digest(sources, packed) + packed)


def _is_private(store: Path) -> bool:
    """Whether nobody else can have put anything there, as what is in it runs on the hosts."""
    with suppress(FileNotFoundError):
        info = store.lstat()
        return store.is_dir() and info.st_uid == os.geteuid() and not info.st_mode & 0o022
    return False


def _write(file: Path, content: bytes) -> None:
    """Write a file at once, for others that read it meanwhile."""
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=".")
    try:
        with os.fdopen(descriptor, "wb") as part:
            part.write(content)
        os.replace(name, file)
    except BaseException:
        os.unlink(name)
        raise


def _digest(sources: bytes, packed: bytes) -> bytes:
    return hashlib.sha256(sources + packed).digest()


def _sources() -> bytes:
    """All that goes into what Ansible packs, and Ansible: each file by its size and the times of its last change."""
    ours = [str(COLLECTION / folder) for folder in ("plugins/modules", "plugins/module_utils", "meta")]
    ansible = [*module_utils_loader.print_paths().split(os.pathsep), os.path.dirname(module_common.__file__)]
    seen = [__version__, sys.version]
    for root in ours + ansible:
        for folder, dummy, names in os.walk(root):
            for path in [os.path.join(folder, name) for name in names if name.endswith((".py", ".yml"))]:
                with suppress(OSError):
                    info = os.stat(path)
                    # Nobody can set the time of the last change of the inode: it tells what `cp -p` put there.
                    seen.append(f"{path} {info.st_size} {info.st_mtime_ns} {info.st_ctime_ns}")
    return hashlib.sha256("\n".join(sorted(seen)).encode("utf-8", "surrogateescape")).digest()
