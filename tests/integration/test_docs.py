# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands of the pages are run, each page's on a private host of its own, and print what the page shows."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from host import PATIENCE, Host

from ansible_collections.nsfabric.linux.tests.unit.declared import ROLES
from ansible_collections.nsfabric.linux.tests.unit.pages import CHINESE, PAGES, ROOT, Block, blocks, of_page, original
from roles import collections

# A block that is not run, by its first line, with the reason.
NOT_RUN = {
    "./run lab bridged": "the lab's own test runs the playbook behind it",
    "./run test": "this is it",
    "PYTHONPATH=.venv/collections .venv/bin/python3 tests/tools/schema.py": "changes the checkout",
    "./run test tests/unit": "a part of it",
    "./run kernel": "the same, in a virtual machine",
    "./run bench": "takes minutes, and is no test",
    "git clone https://github.com/nsfabric/linux nsfabric-linux": "needs the network",
    "ansible-galaxy collection install nsfabric.linux": "needs the network; test_install.py installs what is built",
    "apt install ansible-core python3-pyroute2": "needs the network",
    "ip netns exec ns1 tcpdump -nevi veth1 'arp or icmp'": "where one looks, with names to be replaced",
}
# Commands in a block of plain text, by its page, with the reason why they are not run.
CAPTURES = "shows what passes while something else runs; the same is captured and compared by "
SHOWN = {
    **{f"roles/{role}/README.md": f"{CAPTURES}test_role_{role}.py" for role in ROLES},
    "docs/fastpath.md": "a filter with its tag, which test_fastpath.py compares",
}
SHELLS = ("console", "sh", "bash", "shell")
ENTER = "nsenter --net=/run/nsfabric/sandboxes/{0}/net --mount=/run/nsfabric/sandboxes/{0}/mnt"
# What is never twice the same: addresses that the kernel or the host's name makes, times, numbers of devices.
VARYING = [
    (r"\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b", "MAC"),
    (r"\bfe80::[0-9a-f:]+", "LINK-LOCAL"),
    (r"\d+(\.\d+)? ?ms\b", "TIME"),
    (r"rtt min/avg/max/mdev = \S+ TIME", "RTT"),
    (r"^\d\d:\d\d:\d\d\.\d+", "CLOCK"),
    (r"\bid \d+", "id N"),
    (r"\bseq \d+", "seq N"),
    (r"@if\d+", "@if"),
    (r"^\d+: ", "N: "),
    (r"\*{3,}", "***"),
]


def still(text: str) -> str:
    for pattern, word in VARYING:
        text = re.sub(pattern, word, text, flags=re.MULTILINE)
    return text


def commands(block: Block) -> list[tuple[str, str]]:
    """Each command of a block with what it is to print; a `\\` continues a command on the next line."""
    if block.language != "console":
        return [(block.text, "")]
    found: list[tuple[str, str]] = []
    for part in re.split(r"^[#$] ", block.text, flags=re.MULTILINE)[1:]:
        words = re.match(r"((?:.*\\\n)*.*\n?)", part)
        command = words.group(0) if words else part
        found.append((command, part[len(command) :]))
    return found


def environment(folder: Path) -> dict[str, str]:
    """Of somebody who has nothing but the collection, in a home of their own."""
    return {
        "HOME": str(folder),
        "PATH": f"{Path(sys.executable).parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL": "C.UTF-8",
        "COLUMNS": "100",
        "ANSIBLE_COLLECTIONS_PATH": collections(),
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_DEPRECATION_WARNINGS": "false",
    }


def same(shown: str, printed: str) -> bool:
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return doctest.OutputChecker().check_output(still(shown), still(printed), options)


class Reader:
    """Somebody who types what a page says, in a folder and on a private host of their own."""

    def __init__(self, machine: Host, folder: Path) -> None:
        self.folder = folder
        machine.do("sandbox", names=["rack1"])
        self.enter = f"nsenter --target={machine.pid} --net --mount {ENTER.format('rack1')}"
        self.environment = environment(folder)

    def types(self, command: str) -> tuple[int, str]:
        words = [*shlex.split(self.enter), "sh", "-c", f"cd {self.folder}; {command}"]
        done = subprocess.run(
            words,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment,
            timeout=180 * PATIENCE,
            check=False,
        )
        return done.returncode, done.stdout

    def reads(self, block: Block) -> None:
        if block.language == "yaml":
            (self.folder / block.words[0]).write_text(block.text, encoding="utf-8")
            return
        for command, shown in commands(block):
            code, printed = self.types(command)
            assert shown or code == 0, f"{block.name}: {command}{printed}"
            assert not shown or same(shown, printed), f"{block.name}: {command}{printed}"


def read_blocks(page: Path) -> list[Block]:
    """What somebody does with a page: files that are named behind the fence are written, commands typed."""
    return [
        block
        for block in of_page(page)
        if (block.language == "yaml" and block.words)
        or (block.language in SHELLS and block.text.splitlines()[0] not in NOT_RUN)
    ]


TYPED = [page for page in PAGES if CHINESE not in page.parents and read_blocks(page)]


@pytest.mark.parametrize("page", TYPED, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_do_what_the_page_says(page: Path, host: Host, tmp_path: Path) -> None:
    os.chmod(tmp_path, 0o755)
    reader = Reader(host, tmp_path)
    for block in read_blocks(page):
        reader.reads(block)


@pytest.mark.parametrize("page", sorted(CHINESE.glob("**/*.md")), ids=lambda page: page.stem)
def test_a_translation_has_the_same_blocks(page: Path) -> None:
    def told(path: Path) -> list[tuple[str, tuple[str, ...], str]]:
        return [(block.language, block.words, block.text) for block in of_page(path)]

    assert told(page) == told(original(page))


def test_the_lab_prints_what_the_readme_shows(host: Host, tmp_path: Path) -> None:
    shown = next(block for block in of_page(ROOT / "README.md") if block.language == "text")
    # The drawing is written where one is.
    variables = {**environment(tmp_path), "ANSIBLE_STDOUT_CALLBACK": "nsfabric.linux.story"}
    words = ["env", "-i", *(f"{name}={value}" for name, value in variables.items()), "ansible-playbook"]
    words += ["nsfabric.linux.lab", "-e", "lab=bridged", "-e", "lab_down_command='./run lab bridged --down'"]
    printed = host.sh(f"cd {tmp_path}; {shlex.join(words)}")
    assert same(shown.text, printed), printed


def test_no_command_is_forgotten() -> None:
    pages = {block.page: block for block in blocks("text", "") if re.search(r"^[#$] ", block.text, re.MULTILINE)}
    assert [block.name for page, block in pages.items() if str(page.relative_to(ROOT)) not in SHOWN] == []
    first = {block.text.splitlines()[0] for block in blocks(*SHELLS)}
    assert [line for line in NOT_RUN if line not in first] == []
    assert {block.language for block in blocks()} <= {*SHELLS, "text", "yaml", "mermaid"}
