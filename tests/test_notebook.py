"""The notebook of the documentation: it runs, its stored outputs are those of a run, and it names nobody's folders."""

import re
from pathlib import Path

import notebook
import pytest

FILE = Path(__file__).resolve().parents[1] / "docs/tutorials/first-steps.ipynb"
NUMBER = r"-?\d+\.\d+"  # differs in its last digits from processor to processor


def texts(cells):
    """What every cell shows, without numbers and pictures: [{kind: text}, ...]."""
    found = []
    for cell in cells:
        for output in cell.get("outputs", []):
            shown = output.get("data", {"text": output.get("text")})
            found.append({kind: re.sub(NUMBER, "#", re.sub(r" +", " ", "".join(its))) for kind, its in shown.items()})
            found[-1].pop("image/png", None)
    return found


def test_a_value_is_kept_in_the_forms_that_it_has():
    names = {}
    assert notebook.outputs("x = 2\nprint('a')\nx + 1", names, 1) == [
        {"output_type": "stream", "name": "stdout", "text": ["a\n"]},
        {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": {"text/plain": ["3"]}},
    ]
    assert notebook.outputs("y = x", names, 2) == [] and names["y"] == 2
    with pytest.raises(ZeroDivisionError):
        notebook.outputs("1 / 0", names, 3)


def test_the_stored_notebook_is_small_valid_and_names_no_place():
    nbformat = pytest.importorskip("nbformat")
    nbformat.validate(nbformat.read(FILE, 4))
    text = FILE.read_text()
    assert len(text) < 500_000 and not re.search(r"/(home|root|work|tmp|Users)/|[A-Z]:\\", text)
    code = [cell for cell in notebook.read(FILE)["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1)), "run: make notebook"
    assert all(cell["outputs"] for cell in code[1:]), "run: make notebook"


@pytest.mark.slow
def test_the_notebook_runs_and_shows_what_is_stored():
    stored = notebook.read(FILE)
    assert texts(notebook.executed(stored)["cells"]) == texts(stored["cells"]), "run: make notebook"
