# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of the integration tests: hosts, and the four runs that every change has to pass."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
# The random documents are those of the model's own tests.
sys.path.append(str(Path(__file__).parents[1] / "unit" / "plugins" / "module_utils" / "_model"))

import features
from host import Host


def pytest_report_header() -> list[str]:
    return [f"pyroute2 {version('pyroute2')}", f"kernel {platform.release()}: {features.told()}"]


@pytest.fixture
def host() -> Iterator[Host]:
    """A host with nothing but `lo`."""
    made = Host()
    yield made
    made.close()


@pytest.fixture
def converge(host: Host) -> Callable[..., dict[str, Any]]:
    """Check, run, check, run: the prediction is the run, and the second run finds nothing to do."""

    def four(name: str, /, **options: Any) -> dict[str, Any]:
        before = host.picture()
        predicted = host.module(name, check=True, **options)
        assert not predicted.get("failed"), predicted
        assert predicted["changed"] is True, predicted
        assert host.picture() == before, "check mode changed it"
        done = host.module(name, **options)
        assert not done.get("failed"), done
        assert done["changed"] is True
        assert done["steps"] == predicted["steps"]
        assert done["diff"] == predicted["diff"]
        assert done["diff"]["before"] != done["diff"]["after"]
        for check in (True, False):
            again = host.module(name, check=check, **options)
            assert not again.get("failed"), again
            assert (again["changed"], again["steps"]) == (False, [])
        return done

    return four


@pytest.fixture
def refused(host: Host) -> Callable[..., str]:
    """Check and run: both refuse, neither changes anything; the message of the run."""

    def twice(name: str, /, checked: bool = True, **options: Any) -> str:
        before = host.picture()
        for check in (True, False) if checked else (False,):
            done = host.module(name, check=check, **options)
            assert done.get("failed"), done
            assert not done.get("crashed"), done
        assert host.picture() == before, "something was changed"
        return str(done["msg"])

    return twice
