"""V1len/CosalPure, evaluate.ipynb: the functions of its cells, without the cells' own runs."""

import ast
import json
from pathlib import Path

NEEDED = {"ap", "fmeasure_etc", "mae", "BETA_SQUARE", "EPSILON"}


def load(path):
    """{name: function} of the notebook in the checkout at `path`."""
    import torch
    from torch.nn import functional as F

    cells = json.loads(Path(path, "evaluate.ipynb").read_text(encoding="utf-8"))["cells"]
    texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    namespace = {"torch": torch, "F": F}
    for text in texts:
        lines = [line for line in text.splitlines() if not line.startswith("%")]
        wanted = [node for node in ast.parse("\n".join(lines)).body if names(node) & NEEDED]
        exec(compile(ast.Module(wanted, []), "evaluate.ipynb", "exec"), namespace)
    return {name: namespace[name] for name in NEEDED}


def names(node):
    """What a statement defines."""
    if isinstance(node, ast.FunctionDef):
        return {node.name}
    return {target.id for target in getattr(node, "targets", []) if isinstance(target, ast.Name)}


def scorer(path):
    """`score(prediction, truth)`, maps (H, W), uint8 -> [ap, f_beta, mae, iou, success], as the notebook's loop computes them."""
    from torchvision.transforms import functional as TF

    its = load(path)

    def score(prediction, truth):
        result, gt = (TF.to_tensor(values) for values in (prediction, truth))
        further = its["fmeasure_etc"](result, gt)
        ap, mae = its["ap"](result, gt), its["mae"](result, gt)
        return [ap, further["fmeasure"], mae, further["iou"], further["success"]]

    return score
