# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fenced blocks of the collection's pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
CHINESE = ROOT / "docs" / "zh"
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("roles/*/README.md")])


@dataclass(frozen=True)
class Block:
    """A fenced block: `language` is the first word behind the fence, `words` are the others."""

    page: Path
    line: int
    language: str
    words: tuple[str, ...]
    text: str

    @property
    def name(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def original(page: Path) -> Path:
    """The page that a Chinese one is the translation of."""
    return ROOT / "docs" / page.relative_to(CHINESE)


def links(page: Path) -> Iterator[tuple[str, list[int] | None]]:
    """Where the links and images of a page lead, without the place on that page, and in which lines they are."""
    for token in MarkdownIt().parse(page.read_text(encoding="utf-8")):
        for child in token.children or ():
            target = str(child.attrs.get("href") or child.attrs.get("src") or "").partition("#")[0]
            if target and ":" not in target:
                yield target, token.map


def blocks(*languages: str) -> list[Block]:
    """The blocks of all pages, in these languages or in all of them."""
    found = [block for page in PAGES for block in of_page(page)]
    return [block for block in found if not languages or block.language in languages]


def of_page(page: Path) -> Iterator[Block]:
    for token in MarkdownIt().parse(page.read_text(encoding="utf-8")):
        if token.type == "fence" and token.map:
            language, *words = token.info.split() or [""]
            yield Block(page, token.map[0] + 1, language, tuple(words), token.content)
