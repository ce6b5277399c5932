"""What a module's statements say to the interpreter: their syntax without prose, and the names that they use.

Comments, docstrings, formatting and the annotations of functions compute nothing, so they are left out. `cosalpure.fingerprint`
follows the names from one statement to the next. No module is imported here.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

UNWRITTEN = {"annotation", "returns", "ctx", "kind", "type_comment", "type_ignores"}  # fields of nodes
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")  # "module:Class"
FILE = re.compile(r"[\w-]+(/[\w-]+)*(\.\w+)+")  # "paper_tables.csv"

Target = tuple[str, str | None]  # module, and the name in it


@dataclass
class Statement:
    """A statement at the top of a module, read when it is asked for.

    Attributes:
        text: its syntax as text.
        names: names that it uses by themselves; `attributes` are {(name, attribute)}.
        annotations: names in annotations of functions, which compute nothing.
        imports: what is imported inside of it, {local name: target}.
        strings: texts that it holds.
        arguments: those that are arguments of a call.
    """

    node: ast.stmt
    package: str
    settings: bool = False
    names: set[str] = field(default_factory=set)
    attributes: set[tuple[str, str]] = field(default_factory=set)
    annotations: set[str] = field(default_factory=set)
    imports: dict[str, Target] = field(default_factory=dict)
    strings: set[str] = field(default_factory=set)
    arguments: set[str] = field(default_factory=set)

    @cached_property
    def text(self) -> str:
        """Its syntax as text; reading it fills the other attributes."""
        written: list[str] = []
        self._write_statement(self.node, written, inside=True, of_class=False)
        return "".join(written)

    def _write(self, node: ast.AST, out: list[str], inside: bool) -> None:
        """Append the text of `node`; where it does not stand `inside` of a function, its annotations are a class's fields."""
        kind = type(node)
        out.append(f"({kind.__name__}")
        self._note(node)
        inside = kind is not ast.ClassDef and (inside or kind in FUNCTIONS)
        for key in node._fields:
            value = getattr(node, key, None)
            if value is None or value == []:
                continue
            if key in UNWRITTEN and not (key == "annotation" and kind is ast.AnnAssign):
                if key in ("annotation", "returns"):
                    self.annotations.update(_annotated(value))
                continue
            out.append(f" {key}")
            for item in value if isinstance(value, list) else (value,):
                if isinstance(item, ast.stmt):
                    self._write_statement(item, out, inside, kind is ast.ClassDef)
                elif isinstance(item, ast.AST):
                    self._write(item, out, inside)
                else:
                    out.append(f" {item!r}")
        out.append(")")

    def _write_statement(self, node: ast.stmt, out: list[str], inside: bool, of_class: bool) -> None:
        """Append a statement of a body, unless it computes nothing."""
        if isinstance(node, ast.Import | ast.ImportFrom):
            self.imports |= imported(node, self.package)
        elif is_prose(node) or (of_class and self.settings and not _computes(node)):
            pass
        elif isinstance(node, ast.AnnAssign) and inside:
            self.annotations.update(_annotated(node.annotation))
            if node.value:
                self._write(ast.Assign([node.target], node.value), out, inside)
        else:
            self._write(node, out, inside)

    def _note(self, node: ast.AST) -> None:
        """Remember the names and texts of a node."""
        if isinstance(node, ast.Name):
            self.names.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            self.attributes.add((node.value.id, node.attr))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            self.strings.add(node.value)
        elif isinstance(node, ast.Call):
            given = [*node.args, *(its.value for its in node.keywords)]
            self.arguments.update(
                its.value for its in given if isinstance(its, ast.Constant) and isinstance(its.value, str)
            )


@dataclass
class Module:
    """A module's file: the statements that bind each name, the others, and what is imported at its top."""

    name: str
    path: Path
    bound: dict[str, list[Statement]] = field(default_factory=dict)
    others: list[Statement] = field(default_factory=list)
    imports: dict[str, Target] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)  # modules of which everything is imported

    @property
    def package(self) -> str:
        """The package that relative imports start from."""
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]

    def targets(self, name: str) -> dict[str, str]:
        """Read the registry that is bound to `name`: {"gicd": "cosalpure.networks.gicd:GICD"}; else nothing."""
        node = self.bound[name][0].node
        if not isinstance(node, ast.Assign | ast.AnnAssign) or not isinstance(node.value, ast.Dict):
            return {}
        pairs = list(zip(node.value.keys, node.value.values, strict=True))
        found = {
            str(key.value): str(value.value)
            for key, value in pairs
            if isinstance(key, ast.Constant) and isinstance(value, ast.Constant) and TARGET.fullmatch(str(value.value))
        }
        return found if len(found) == len(pairs) else {}


def read_module(name: str, path: Path) -> Module:
    """Read a module's file; again only when the file is another one by time and size."""
    about = path.stat()
    return _read_module(name, path, about.st_mtime_ns, about.st_size)


@cache
def _read_module(name: str, path: Path, mtime: int, size: int) -> Module:
    module = Module(name, path)
    settings = name.endswith(".settings")
    for node in ast.parse(path.read_bytes(), str(path)).body:
        _add(module, node, settings)
    return module


def _add(module: Module, node: ast.stmt, settings: bool) -> None:
    """Add a statement at the top of a module."""
    if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
        module.stars.append(absolute(node, module.package))
    elif isinstance(node, ast.Import | ast.ImportFrom):
        module.imports |= imported(node, module.package)
    elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
        for inner in node.body:  # names of annotations, which may be of settings
            if isinstance(inner, ast.Import | ast.ImportFrom):
                module.imports |= imported(inner, module.package)
    elif not is_prose(node):
        statement = Statement(node, module.package, settings)
        names = list(_bindings(node))
        for name in names:
            module.bound.setdefault(name, []).append(statement)
        if not names:
            module.others.append(statement)


def imported(node: ast.Import | ast.ImportFrom, package: str) -> dict[str, Target]:
    """List what an import binds, {local name: (module, name in it)}."""
    if isinstance(node, ast.ImportFrom):
        module = absolute(node, package)
        return {its.asname or its.name: (module, its.name) for its in node.names}
    return {its.asname or its.name.partition(".")[0]: (its.name, None) for its in node.names}


def absolute(node: ast.ImportFrom, package: str) -> str:
    """Name the module that is imported from; `from . import x` starts at `package`."""
    if not node.level:
        return node.module or ""
    base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1])
    return f"{base}.{node.module}" if node.module else base


def is_prose(node: ast.stmt) -> bool:
    """Say whether a statement computes nothing: a docstring, `...`, pass."""
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _bindings(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement at the top binds; those of `if`, `try`, `with` and loops too."""
    if isinstance(node, DEFINITIONS):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            yield from (its.id for its in ast.walk(target) if isinstance(its, ast.Name) and _is_stored(its))
    elif isinstance(node, ast.If | ast.Try | ast.With | ast.For | ast.While):
        for inner in ast.iter_child_nodes(node):
            if isinstance(inner, ast.stmt):
                yield from _bindings(inner)
            elif isinstance(inner, ast.ExceptHandler):
                yield from (name for its in inner.body for name in _bindings(its))
    elif isinstance(node, ast.Import | ast.ImportFrom):  # inside of `try`
        yield from (its.asname or its.name.partition(".")[0] for its in node.names)


def _is_stored(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _annotated(node: ast.AST) -> Iterator[str]:
    """Yield the names in an annotation, quoted ones too."""
    for its in ast.walk(node):
        if isinstance(its, ast.Name):
            yield its.id
        elif isinstance(its, ast.Constant) and isinstance(its.value, str) and its.value.isidentifier():
            yield its.value


def _computes(node: ast.stmt) -> bool:
    """Say whether a statement of a settings class is a method that computes: no field and no validator."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    return not any("validator" in ast.dump(its) for its in node.decorator_list)
