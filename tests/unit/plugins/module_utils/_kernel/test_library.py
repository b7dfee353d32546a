# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is imported of pyroute2, and that it is whole for whoever wants more; each in a Python of its own."""

from __future__ import annotations

import os
import subprocess
import sys

NETLINK = "ansible_collections.nsfabric.linux.plugins.module_utils._kernel.netlink"


def python(*lines: str) -> str:
    """What a program prints."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", "\n".join(lines)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_message_classes_alone_are_imported() -> None:
    heavy = ("asyncio", "sqlite3", "pyroute2.ndb", "pyroute2.iproute")
    program = (
        f"import sys, {NETLINK} as netlink",
        f"print(netlink.PYROUTE2, [n for n in {heavy} if n in sys.modules])",
    )
    version = python("import pyroute2", "print(pyroute2.__version__)")
    assert python(*program) == f"{version} []"


def test_the_package_is_whole_afterwards() -> None:
    program = (
        f"import {NETLINK} as netlink",
        "import pyroute2",
        "from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg",
        "from pyroute2 import config, IPRoute",
        "print(pyroute2.netlink.rtnl.ifinfmsg.ifinfmsg is ifinfmsg is netlink.ifinfmsg, type(pyroute2).__name__)",
        "print(IPRoute.__name__, [hasattr(pyroute2, name) for name in ('NDB', 'nothing', '__nothing__')])",
    )
    assert python(*program).splitlines() == ["True module", "IPRoute [True, False, False]"]


def test_a_package_that_was_imported_before_stays() -> None:
    program = ("import pyroute2", "before = pyroute2.IPRoute", f"import {NETLINK}", "print(pyroute2.IPRoute is before)")
    assert python(*program) == "True"


def test_without_it_the_error_is_kept() -> None:
    program = (
        "import sys",
        "sys.modules['pyroute2'] = None",
        f"import {NETLINK} as netlink",
        "print(netlink.IMPORT_ERROR.splitlines()[-1].partition(':')[0], repr(netlink.PYROUTE2))",
    )
    assert python(*program) == "ModuleNotFoundError ''"


def test_a_package_without_its_version_is_taken() -> None:
    """Debian 12's is without that file."""
    program = (
        "import sys",
        "sys.modules['pyroute2.config.version'] = None",
        f"import {NETLINK} as netlink",
        "print(netlink.IMPORT_ERROR, netlink.PYROUTE2, netlink.ifinfmsg.__name__)",
    )
    assert python(*program) == "None unknown ifinfmsg"
