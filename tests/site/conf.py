# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The site that ./run docs makes of the pages and of the modules' documentation. All of it is in its folder."""

from __future__ import annotations

from typing import Any

project = "nsfabric.linux"
copyright = "nsfabric contributors, GPL-3.0-or-later"
root_doc = "index"
extensions = ["myst_parser", "sphinx_antsibull_ext", "sphinx_copybutton"]
exclude_patterns = ["**/_*"]
language = "en"

myst_heading_anchors = 3
# Labels of the documentation of Ansible itself.
suppress_warnings = ["ref.ref"]
# The colours of the modules' tables are those of the theme, which a reader may switch: see site.css.
antsibull_ext_color_scheme = "none"

html_theme = "furo"
html_title = "nsfabric.linux"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "sidebar_hide_name": False,
    "source_repository": "https://github.com/nsfabric/linux/",
    "source_branch": "main",
    "light_css_variables": {
        "font-stack": "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'Noto Sans CJK SC', sans-serif",
        "font-stack--monospace": "ui-monospace, 'SF Mono', 'DejaVu Sans Mono', monospace",
        "color-brand-primary": "#0b6e4f",
        "color-brand-content": "#0b6e4f",
        "told-kind": "#7a3e9d",
        "told-required": "#b3261e",
        "told-value": "#1f4fbf",
        "told-full": "#1b6e2e",
        "told-partial": "#7a6400",
    },
    "dark_css_variables": {
        "color-brand-primary": "#4fd1a5",
        "color-brand-content": "#4fd1a5",
        "told-kind": "#d9a8f0",
        "told-required": "#ff8f85",
        "told-value": "#a9c1ff",
        "told-full": "#7fd68f",
        "told-partial": "#d8c25a",
    },
}
# Prompts and output stay behind when commands are copied.
copybutton_prompt_text = r"# |\$ "
copybutton_prompt_is_regexp = True
copybutton_line_continuation_character = "\\"


def of_page(_app: Any, name: str, _template: str, context: dict[str, Any], _doctree: Any) -> None:
    """A page says in which language it is; one that the site makes has no source to be viewed or edited."""
    if name.startswith("docs/zh/"):
        context["language"] = "zh-CN"
    if name == "index" or name.startswith("reference/"):
        context["page_source_suffix"] = ""


def setup(app: Any) -> None:
    app.connect("html-page-context", of_page)
