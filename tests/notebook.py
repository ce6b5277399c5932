"""Execute a notebook without Jupyter, which would bring forty packages, and store what its cells show.

    python tests/notebook.py docs/tutorials/first-steps.ipynb        # `make notebook`: writes the outputs anew

A cell shows what it prints and the value of its last line: text, a table, or a PNG picture. What goes to standard error,
progress bars and warnings, is not stored.
"""

import ast
import base64
import io
import json
import os
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path


def read(path):
    """A notebook as the dictionary that its file holds."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write(path, notebook):
    """Write a notebook as Jupyter does: an indent of one, a line at the end."""
    text = json.dumps(notebook, indent=1, ensure_ascii=False)
    Path(path).write_text(text + "\n", encoding="utf-8")


def executed(notebook):
    """The notebook with the outputs of its code cells, run in order, in an empty folder that is removed afterwards."""
    names = {"__name__": "__main__"}
    cells, number, before = [], 0, Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for cell in notebook["cells"]:
                if cell["cell_type"] == "code":
                    number += 1
                    cell = cell | {
                        "execution_count": number,
                        "outputs": outputs("".join(cell["source"]), names, number),
                    }
                cells.append(cell)
        finally:
            os.chdir(before)
    return notebook | {"cells": cells}


def outputs(source, names, number):
    """Run the source of a cell among `names`; its outputs in the form of nbformat 4."""
    tree, printed, value = ast.parse(source), io.StringIO(), None
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    with redirect_stdout(printed), redirect_stderr(io.StringIO()):
        exec(compile(tree, f"<cell {number}>", "exec"), names)
        if last:
            value = eval(compile(ast.Expression(last.value), f"<cell {number}>", "eval"), names)
    found = []
    if printed.getvalue():
        found.append({"output_type": "stream", "name": "stdout", "text": lines(printed.getvalue())})
    if value is not None:
        kind = {"output_type": "execute_result", "execution_count": number, "metadata": {}}
        found.append(kind | {"data": shown(value)})
    return found


def shown(value):
    """{media type: content} of a value, as Jupyter shows it."""
    if hasattr(value, "_repr_png_"):
        file = io.BytesIO()
        value.save(file, "PNG", optimize=True)
        return {
            "image/png": base64.b64encode(file.getvalue()).decode(),
            "text/plain": [f"<a picture of {value.width}x{value.height}>"],
        }
    if hasattr(value, "_repr_html_"):
        return {"text/html": lines(value._repr_html_()), "text/plain": lines(repr(value))}
    return {"text/plain": lines(repr(value))}


def lines(text):
    """A text as the list of its lines, which is how notebooks keep it."""
    return text.splitlines(keepends=True)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads that wait for each other's cores cost minutes
    for file in sys.argv[1:]:
        write(file, executed(read(file)))
