"""A matplotlib figure as SVG inside an HTML page: small, the same bytes every time, in the page's own colours.

Of what matplotlib writes, the ids that nothing refers to, the style sheet, metadata and names of fonts are left out: the
first two would meet those of the page and of its other plots.
"""

import hashlib
import io
import re
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure

from cosalpure.report.plots import COLOURS, TIP

FORMAT: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "cosalpure",
}  # text as text; ids that depend on nothing but the plot
NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
REFERRING = ("href", "clip-path")
REFERENCE = re.compile(r"(?<=#)[\w.:-]+")
VARIABLES = {colour: f"var({name})" for name, colour in COLOURS.items()}


def inline(figure: Figure, title: str) -> Markup:
    """Write a figure as an `<svg>` element for a page.

    Args:
        figure: a figure of `plots`.
        title: what a screen reader says of it; plots of one page have different titles.
    """
    buffer = io.StringIO()
    with matplotlib.rc_context(FORMAT):
        figure.savefig(buffer, format="svg", transparent=True, metadata=NO_METADATA)
    root = ElementTree.fromstring(buffer.getvalue())
    _clean(root)
    _rename_ids(root, f"p{hashlib.sha256(title.encode()).hexdigest()[:8]}-")
    root.attrib = {"viewBox": root.attrib["viewBox"], "role": "img", "aria-label": title}
    root.set("preserveAspectRatio", "xMinYMin")  # a plot that is lower than its place begins at the left
    return Markup(ElementTree.tostring(root, encoding="unicode"))  # serialised XML: every text in it is escaped


def _clean(element: Element) -> None:
    """Leave out of an element and all inside what the page has no use for, and set its texts and colours."""
    element.tag = _local(element.tag)
    element.text, element.tail = (element.text if element.tag in ("text", "title") else None), None
    element.attrib = {_local(key): _attribute(_local(key), value) for key, value in element.attrib.items()}
    if element.attrib.get("transform", "").startswith("rotate(0"):
        del element.attrib["transform"]
    if element.attrib.get("id", "").startswith(TIP):
        tip = Element("title")
        tip.text = element.attrib.pop("id").removeprefix(TIP)
        element.insert(0, tip)
    for child in list(element):
        _clean(child)
        empty = child.tag in ("g", "defs") and not len(child)
        if empty or child.tag == "style" or child.get("style") == "fill: none":  # an invisible background
            element.remove(child)


def _attribute(key: str, value: str) -> str:
    """Shorten numbers to hundredths, take colours from the page, and leave the font to it."""
    if key in ("id", *REFERRING):
        return value
    value = re.sub(r"font-family: [^;]+(; )?", "", value)
    value = re.sub(r"#[0-9a-f]{6}", lambda its: VARIABLES.get(its[0], its[0]), value)
    value = re.sub(r"-?\d+\.\d+", lambda its: f"{float(its[0]) + 0.0:.2f}".rstrip("0").rstrip("."), value)
    return " ".join(value.split()).replace("rotate(-0", "rotate(0")


def _rename_ids(root: Element, prefix: str) -> None:
    """Begin the ids that something refers to with `prefix`, and drop the others."""
    values = [value for element in root.iter() for key, value in element.items() if key in REFERRING]
    used = {name for value in values for name in REFERENCE.findall(value)}
    for element in root.iter():
        for key, value in list(element.items()):
            if key == "id":
                element.attrib.pop(key)
                if value in used:
                    element.set(key, prefix + value)
            elif key in REFERRING:
                element.set(key, REFERENCE.sub(lambda its: prefix + its[0], value))


def _local(name: str) -> str:
    """Drop the namespace of a name, which HTML does without."""
    return name.rpartition("}")[2]
