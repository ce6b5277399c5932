"""The documentation: its links lead somewhere, and its macros write what the pages ask for."""

import json
import re
import runpy
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
MACROS = runpy.run_path(str(ROOT / "docs/macros.py"))
PAGES = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
MOST_WORDS = 15_000  # in all Markdown that is written by hand
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


@pytest.mark.parametrize("page", PAGES)
def test_links_inside_the_repository_lead_somewhere(page):
    targets = LINK.findall((ROOT / page).read_text())
    missing = [target for target in targets if not (ROOT / page).parent.joinpath(target).exists()]
    assert not missing, f"{page} links to {missing}"


@pytest.mark.parametrize("page", PAGES)
def test_pages_named_in_texts_exist(page):
    """Such as `docs/how-to/data.md`, which messages and comments name as well."""
    assert not named_but_missing((ROOT / page).read_text())


def test_pages_named_in_code_exist():
    files = subprocess.run(
        ["git", "grep", "-lE", r"docs/[a-z-]+/[a-z-]+\.md"], cwd=ROOT, capture_output=True, text=True
    )
    found = {file: named_but_missing((ROOT / file).read_text()) for file in files.stdout.split()}
    assert not {file: names for file, names in found.items() if names}


def named_but_missing(text):
    return [name for name in re.findall(r"\bdocs/[a-z-]+(?:/[a-z-]+)?\.md", text) if not (ROOT / name).exists()]


def test_a_csv_file_becomes_a_table_with_numbers_to_the_right(tmp_path):
    (tmp_path / "t.csv").write_text("purifier,success,note\nnone,0.81,a|b\nDDA,**0.90** [0.85; 0.93],\n")
    assert MACROS["table"](str(tmp_path / "t.csv"), ["success", "note"]).splitlines() == [
        "| success | note |",
        "| ---: | :--- |",
        "| 0.81 | a\\|b |",
        "| **0.90** [0.85; 0.93] |  |",
    ]


def test_a_csv_file_has_intervals_and_a_note(tmp_path):
    (tmp_path / "t.csv").write_text("# made by hand\nmethod,SR,SR low,SR high\nDDA,0.812500,0.708333,0.9\nnone,0.5,,\n")
    assert MACROS["table"](str(tmp_path / "t.csv")).splitlines() == [
        "| method | SR |",
        "| :--- | ---: |",
        "| DDA | 0.812 [0.71, 0.90] |",
        "| none | 0.5 |",
        "",
        "*made by hand*",
    ]
    assert "| -0.05 [-0.10, +0.01] |" in markdown(
        tmp_path, "difference,x low,x high,x\nA,-0.1,.01,-0.05\n", signed=True
    )


def test_every_measured_table_is_shown_and_says_what_made_it():
    shown = "".join((ROOT / page).read_text() for page in PAGES) + (ROOT / "docs/macros.py").read_text()
    for file in (ROOT / "docs/results/data").rglob("*.csv"):
        assert file.relative_to(ROOT / "docs").as_posix() in shown, f"{file}: no page shows it"
        assert file.read_text().startswith("# "), f"{file}: its first line must say what made it"


def markdown(folder, text, **options):
    """The Markdown table of a csv file of this text."""
    (folder / "t.csv").write_text(text)
    return MACROS["table"](str(folder / "t.csv"), **options)


def test_the_readme_links_to_pages_of_the_site():
    text = "[a](docs/how-to/data.md), [licence](LICENSE), [paper](https://x.org), ![p](docs/images/p.png)"
    expected = "[a](how-to/data.md), `LICENSE`, [paper](https://x.org), ![p](images/p.png)"
    assert MACROS["site_links"](text) == expected


GENERATED = re.compile(r"<!-- \w+: [^>]*-->.*?<!-- end -->", re.S)  # written by a program into a page


def test_hand_written_words_stay_few():
    """Words are what holds a letter or digit, code included; docs/results/data/ is generated."""
    pages = [page for page in PAGES if not page.startswith("docs/results/data/")]
    texts = {page: GENERATED.sub("", (ROOT / page).read_text()) for page in pages}
    words = {page: len([word for word in text.split() if re.search(r"\w", word)]) for page, text in texts.items()}
    assert sum(words.values()) < MOST_WORDS, sorted(words.items(), key=lambda its: -its[1])[:5]


def test_the_readme_shows_the_tables_of_the_results():
    shown = re.findall(r"<!-- (\w+): [^>]*?-->\n(.*?)\n<!-- end -->", (ROOT / "README.md").read_text(), re.S)
    assert dict(shown) == MACROS["readme_tables"](), "write them anew: python docs/macros.py"


def test_every_method_is_listed():
    from cosalpure.methods import METHODS

    for family, registry in METHODS.items():
        text = MACROS["methods"](family)
        assert [name for name in registry.builtin if f"| `{name}` |" not in text] == []
    assert "| `gicd` | GICD | Zhang et al., ECCV 2020 | `gicd.mini`, " in MACROS["methods"]("detectors")


def test_a_notebook_becomes_text_code_and_its_outputs(tmp_path):
    outputs = [{"text": ["7\n"]}, {"data": {"text/plain": "<Image>", "image/png": "iVBO\n"}}]
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "text"]},
        {"cell_type": "code", "source": ["print(7)"], "outputs": outputs},
    ]
    (tmp_path / "n.ipynb").write_text(json.dumps({"cells": cells}))
    assert MACROS["notebook"](str(tmp_path / "n.ipynb")).split("\n\n") == [
        "# Title\ntext",
        "```python\nprint(7)\n```",
        "```text\n7\n```",
        "![output](data:image/png;base64,iVBO)",
    ]


def test_every_command_has_a_section():
    from cosalpure.cli.application import COMMANDS

    text = MACROS["commands"]()
    assert [name for name in COMMANDS if f"\n## `cosalpure {name}`\n" not in f"\n{text}"] == []
    assert "{datasets}" not in text


def test_the_package_has_the_limitations_of_their_page():
    assert MACROS["LIMITATIONS_COPY"].read_text() == MACROS["limitations"](), "write it anew: python docs/macros.py"
    page = (ROOT / "docs/project/limitations.md").read_text()
    assert len(MACROS["limitations"]().splitlines()) == 1 + page.count("\n- **") > 10, "an item a line below the header"


def test_limitations_are_plain_text():
    assert MACROS["plain"]("A [link](../x.md#y) and\n  `code`\n  ([more](z.md)).") == "A link and code."


def test_the_picture_of_adaptive_attacks_is_drawn_from_the_tables(tmp_path):
    script = runpy.run_path(str(ROOT / "docs/images/adaptive.py"))
    script["draw"](ROOT / "docs/results/data/mini", tmp_path / "drawn.png")
    with Image.open(tmp_path / "drawn.png") as drawn, Image.open(ROOT / "docs/images/adaptive.png") as shown:
        assert drawn.size == shown.size
        pixels = [np.asarray(its.convert("L"), float) for its in (drawn, shown)]
    assert abs(pixels[0] - pixels[1]).mean() < 0.5, "draw it anew: python docs/images/adaptive.py"
