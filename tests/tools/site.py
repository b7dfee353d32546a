# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the site FOLDER/html from the pages and the modules' documentation; nothing is fetched for it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from ansible_collections.nsfabric.linux.plugins.plugin_utils import _drawing
from ansible_collections.nsfabric.linux.tests.tools import labs

ROOT = Path(__file__).absolute().parents[2]
PAGES = ("*.md", "docs/**/*.md", "docs/**/*.json", "roles/*/README.md", "changelogs/changelog.yaml", "LICENSE")
# Furo shows the contents of a page beside it.
CONTENTS = re.compile(r"^\.\. contents::\n(?:   .*\n)*", re.MULTILINE)
# Titles are made of names with a capital each.
TITLE = "Nsfabric.Linux"
LINK = re.compile(r"\]\(([^)#:\s]+)\)")
SOURCES = "https://github.com/nsfabric/linux/tree/main"
MERMAID = re.compile(r"^```mermaid\n.*?^```$", re.DOTALL | re.MULTILINE)


def gather(source: Path) -> None:
    """The pages at the places that they have to each other, and what is the site's own."""
    shutil.rmtree(source, ignore_errors=True)
    for path in sorted(path for pattern in PAGES for path in ROOT.glob(pattern)):
        target = source / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
        if path.suffix == ".md":
            target.write_text(led_out(path), "utf-8")
    shutil.copytree(ROOT / "tests" / "site", source, dirs_exist_ok=True)
    for page in source.glob("docs/**/labs/*.md"):
        if page.stem in labs.LABS:
            redraw(page)


def led_out(page: Path) -> str:
    """A page whose links to folders, which are no pages of the site, lead to the repository."""

    def lead(found: re.Match[str]) -> str:
        path = (page.parent / found[1]).resolve()
        return f"]({SOURCES}/{path.relative_to(ROOT.resolve())})" if path.is_dir() else found[0]

    return LINK.sub(lead, page.read_text("utf-8"))


def redraw(page: Path) -> None:
    drawn = drawing(page)
    page.write_text(MERMAID.sub(lambda _found: drawn, page.read_text("utf-8")), "utf-8")


def drawing(page: Path) -> str:
    """A lab's drawing as an image, which needs no script to be seen."""
    page.with_suffix(".svg").write_text(_drawing.svg(_drawing.build(labs.document(page.stem))), "utf-8")
    return f"```{{image}} {page.stem}.svg\n:class: drawing\n:alt: {page.stem}\n```"


def main() -> None:
    folder = Path(sys.argv[1]).absolute()
    source = folder / "source"
    gather(source)
    reference = source / "reference"
    reference.mkdir()
    antsibull = ["antsibull-docs", "collection", "--use-current", "--squash-hierarchy", "--fail-on-error"]
    subprocess.run([*antsibull, "--dest-dir", str(reference), "nsfabric.linux"], check=True)
    for page in reference.glob("**/*.rst"):
        page.write_text(CONTENTS.sub("", page.read_text("utf-8")).replace(TITLE, TITLE.lower()), "utf-8")
    sphinx = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet", "--jobs", "auto"]
    subprocess.run([*sphinx, str(source), str(folder / "html")], check=True)
    print(f"the site: {folder}/html/index.html")


if __name__ == "__main__":
    main()
