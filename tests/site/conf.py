# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The site that ./run docs makes of the pages and of the modules' documentation. All of it is in its folder."""

from __future__ import annotations

project = "nsfabric.linux"
copyright = "nsfabric contributors, GPL-3.0-or-later"
root_doc = "index"
extensions = ["myst_parser", "sphinx_antsibull_ext", "sphinx_copybutton"]
exclude_patterns = ["**/_*"]
language = "en"
pygments_style = "sphinx"

myst_heading_anchors = 3
# Files of the repository that are no pages of the site, and labels of the documentation of Ansible itself.
suppress_warnings = ["myst.xref_missing", "ref.ref"]

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
    },
    "dark_css_variables": {"color-brand-primary": "#4fd1a5", "color-brand-content": "#4fd1a5"},
}
# Prompts and output stay behind when commands are copied.
copybutton_prompt_text = r"# |\$ "
copybutton_prompt_is_regexp = True
copybutton_line_continuation_character = "\\"
