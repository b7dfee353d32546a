# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a lab and ansible-playbook take these arguments; if not, one line says why: options.py LAB [ARG...]."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, NoReturn

import yaml
from ansible.cli.playbook import PlaybookCLI
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.utils.vars import load_extra_vars

OF_LABS = Path(__file__).absolute().parents[2] / "playbooks" / "vars" / "lab.yml"


class Refused(Exception):
    """Not a SystemExit: ansible-playbook prints its usage and all of its help then."""


def refuse(_parser: argparse.ArgumentParser, message: str) -> NoReturn:
    raise Refused(message)


def extra_variables() -> dict[str, Any]:
    """What was given behind -e, in whatever form; what cannot be read is told when the lab begins."""
    try:
        return dict(load_extra_vars(DataLoader()))
    except AnsibleError:
        return {}


def wrong(lab: str, variables: list[str]) -> str:
    """Why nobody would look at one of these variables; empty if all are somebody's."""
    of_labs = ["lab", *yaml.safe_load(OF_LABS.read_text(encoding="utf-8"))]
    for name in variables:
        if name.startswith("lab_") and name not in of_labs:
            return f"labs have no variable {name}; they have {', '.join(sorted(of_labs))}"
        if name not in of_labs and not name.startswith((f"{lab}_", "ansible_")):
            return f"the lab {lab} has no variable {name}: its own begin with {lab}_, those of every lab with lab_"
    return ""


def main() -> None:
    lab, *arguments = sys.argv[1:]
    argparse.ArgumentParser.error = refuse  # type: ignore[method-assign]
    try:
        PlaybookCLI(["ansible-playbook", *arguments]).parse()
    except Refused as refused:
        sys.exit(f"run: {refused}; ./run help has the options of labs, ansible-playbook --help the others")
    if problem := wrong(lab, list(extra_variables())):
        sys.exit(f"run: {problem}")


if __name__ == "__main__":
    main()
