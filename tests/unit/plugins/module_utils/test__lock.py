# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import multiprocessing
from pathlib import Path
from unittest.mock import patch

import pytest

from ansible_collections.nsfabric.linux.plugins.module_utils import _lock
from ansible_collections.nsfabric.linux.plugins.module_utils._errors import KernelError

RUNS, TIMES = 4, 400


def _again_and_again(folder: str) -> None:
    places = {"DIRECTORY": folder, "PATH": f"{folder}/lock", "INTERVAL": 0.0001}
    with patch.multiple(_lock, **places):
        for number in range(TIMES):
            with _lock.lock(f"turn {number}"):
                pass


def test_its_folder_comes_and_goes_with_its_users(tmp_path: Path) -> None:
    """Between two looks at the folder somebody else may have made it, or removed it."""
    folder = tmp_path / "nsfabric"
    context = multiprocessing.get_context("fork")
    runs = [context.Process(target=_again_and_again, args=(str(folder),)) for dummy in range(RUNS)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert [run.exitcode for run in runs] == [0] * RUNS
    assert not folder.exists()


def test_a_file_in_the_folders_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "nsfabric").touch()
    places = {"DIRECTORY": str(tmp_path / "nsfabric"), "PATH": str(tmp_path / "nsfabric/lock")}
    wrong = "nsfabric is a regular file, and a directory is right"
    with patch.multiple(_lock, **places), pytest.raises(KernelError, match=wrong), _lock.lock("test"):
        pass
