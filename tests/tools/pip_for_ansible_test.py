# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put a pip under the home folder HOME, where ansible-test looks before it downloads one from its own site.

ansible-test runs get_pip_X_Y.py with get-pip.py's arguments. Ours is an ordinary pip, from the package index.
ansible-test passes on no pip settings but those in HOME's pip.conf: it gets the caller's.
"""

import ast
import configparser
import subprocess
import sys
from pathlib import Path

from ansible_test._internal.host_configs import NativePythonConfig
from ansible_test._internal.python_requirements import get_venv_packages

STAND_IN = """\
import os, runpy, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "{wheel}"))
dropped = ("--no-setuptools", "--no-wheel")
sys.argv[1:] = ["install"] + [word for word in sys.argv[1:] if word not in dropped]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""


def write_settings(target: Path) -> None:
    """Lines such as global.cert='/x' and :env:.cert='/x', where the environment comes first and wins."""
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True
    )
    settings = configparser.RawConfigParser()
    for line in listing.stdout.splitlines():
        key, value = line.split("=", 1)
        section, name = key.rsplit(".", 1)
        section = "global" if section == ":env:" else section
        if not settings.has_section(section):
            settings.add_section(section)
        if not settings.has_option(section, name):
            settings.set(section, name, ast.literal_eval(value))
    if not settings.has_section("global"):
        settings.add_section("global")
    settings.set("global", "quiet", "2")
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", encoding="utf-8") as stream:
        settings.write(stream)


def main() -> None:
    home = Path(sys.argv[1])
    write_settings(home / ".config/pip/pip.conf")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    pip = get_venv_packages(NativePythonConfig(version=version, path=sys.executable))["pip"]
    cache = home / ".ansible/test/cache"
    cache.mkdir(parents=True, exist_ok=True)
    wheel = f"pip-{pip}-py3-none-any.whl"
    if not (cache / wheel).exists():
        download = [sys.executable, "-m", "pip", "download", "-qq", "--no-deps", "--dest", str(cache), f"pip=={pip}"]
        subprocess.run(download, check=True)
    (cache / f"get_pip_{pip.replace('.', '_')}.py").write_text(STAND_IN.format(wheel=wheel), encoding="ascii")


if __name__ == "__main__":
    main()
