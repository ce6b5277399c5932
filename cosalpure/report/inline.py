"""Styles and scripts inside a page, so that it is one file that loads nothing."""

from pathlib import Path

from markupsafe import Markup

SORT = Path(__file__).with_name("sort.js")  # tables that are sorted by their headers


def inline(*files: Path) -> Markup:
    """Join the package's own style or script files as markup."""
    return Markup("\n".join(file.read_text(encoding="utf-8") for file in files))
