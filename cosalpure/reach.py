"""Which definitions of some modules are reached from where a computation starts, by the names that they use.

    its = Search({"cosalpure": folder}, ["cosalpure.detect.stage:run"], values=(), left_out=())
    its.texts       {"cosalpure.detect.stage:run:0": its syntax, "cosalpure.io:read_images:0": ..., ...}
    its.hash()      "9f2c81d07b5e"

`cosalpure.fingerprint` has the rules. No module is imported here.
"""

import gc
import hashlib
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cosalpure.syntax import FILE, TARGET, Module, Statement, read_module

OWN = "cosalpure"  # of this package single definitions count, of others whole modules


class Search:
    """All definitions that are reached from some starts.

    Args:
        packages: {top-level package: its folder, or its one file}; others are not looked into.
        starts: where to begin.
        values: values of settings.
        left_out: modules and definitions that are not reached.
    """

    def __init__(
        self,
        packages: dict[str, Path],
        starts: Iterable[str | Callable[..., Any]],
        values: Collection[str],
        left_out: Iterable[str],
    ):
        self.packages, self.left_out = packages, set(left_out)
        self.texts: dict[str, str] = {}  # of what was reached: {"module:name:0": its syntax}
        self.waiting: list[tuple[Module, Statement]] = []
        self.modules: set[str] = set()
        self.registries: dict[str, dict[str, str]] = {}
        self.arguments = set(values)
        with _uncollected():
            for start in starts:
                self._start(start)
            self._follow()
            for targets in self.registries.values():
                named = [target for key, target in targets.items() if key in self.arguments]
                for target in named or targets.values():
                    self._reach(*target.split(":"))
            self._follow()

    def hash(self) -> str:
        """Hash what was reached."""
        text = "\n".join(f"{key} {self.texts[key]}" for key in sorted(self.texts))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def _start(self, start: str | Callable[..., Any]) -> None:
        """Begin at a definition; a foreign one is a plug-in's, of which whole modules count."""
        if isinstance(start, str) and "/" in start:
            for file in self.packages[OWN].glob(start):
                self.texts[file.name] = hashlib.sha256(file.read_bytes()).hexdigest()
            return
        if isinstance(start, str):
            module, _, name = start.partition(":")
        else:
            module, name = start.__module__, start.__qualname__.partition(".")[0]
            if module not in sys.modules and (source := _source(start)):  # loaded by its path
                self.packages[module] = source
        top = module.partition(".")[0]
        if top not in self.packages and (place := _place(top, module)):
            self.packages[top] = place
        if top == OWN and name:
            self._reach(module, name)
        else:
            self._whole(module)

    def _follow(self) -> None:
        while self.waiting:
            self._uses(*self.waiting.pop())

    # --- reaching -----------------------------------------------------------------------------------------------------
    def _module(self, name: str) -> Module | None:
        """Read a module of the packages, unless it is left out."""
        if not self._counts(name):
            return None
        path = self._path(name)
        module = read_module(name, path) if path else None
        if module and name not in self.modules:
            self.modules.add(name)
            for number, statement in enumerate(module.others):
                self._add(module, f"{name}#{number}", statement)
        return module

    def _path(self, name: str) -> Path | None:
        """Locate the file of a module; None for what is not a module of the packages."""
        top, *parts = name.split(".")
        root = self.packages.get(top)
        if root is None:
            return None
        if root.suffix == ".py":
            return None if parts else root
        return _file(root.joinpath(*parts))

    def _counts(self, name: str) -> bool:
        """Say whether neither a name nor what holds it is left out."""
        parts = name.split(".")
        return not any(".".join(parts[:end]) in self.left_out for end in range(2, len(parts) + 1))

    def _reach(self, name: str, attribute: str) -> None:
        """Reach a definition of a module, or a module of a package."""
        if not self._counts(f"{name}.{attribute}") or not (module := self._module(name)):
            return
        if name.partition(".")[0] != OWN:
            return self._whole(name)
        if attribute in module.bound:
            self._bound(module, attribute)
        elif attribute in module.imports:
            self._target(*module.imports[attribute], key=f"{name}:{attribute}")
        elif self._path(f"{name}.{attribute}"):
            self._whole(f"{name}.{attribute}")
        elif attribute != "__name__" and not attribute.startswith("__"):
            self._whole(name)

    def _bound(self, module: Module, name: str) -> None:
        """Reach the statements that bind a name; of a registry its entries instead, when all names are known."""
        if targets := module.targets(name):
            self.registries[f"{module.name}:{name}"] = targets
            return
        for number, statement in enumerate(module.bound[name]):
            self._add(module, f"{module.name}:{name}:{number}", statement)

    def _whole(self, name: str) -> None:
        """Reach all of a module."""
        module = self._module(name)
        if module and f"{name}:*" not in self.texts:
            self.texts[f"{name}:*"] = ""
            for bound in module.bound:
                self._bound(module, bound)
            if name.partition(".")[0] != OWN:  # an import may do something there
                for alias, target in module.imports.items():
                    self._target(*target, key=f"{name}:{alias}")
            for star in module.stars:
                self._whole(star)

    def _add(self, module: Module, key: str, statement: Statement) -> None:
        if key not in self.texts and self._counts(key.replace(":", ".")):
            self.texts[key] = statement.text
            self.waiting.append((module, statement))

    # --- what a statement uses ----------------------------------------------------------------------------------------
    def _uses(self, module: Module, statement: Statement) -> None:
        """Reach what a statement uses."""
        imports = module.imports | statement.imports
        self.arguments |= statement.arguments
        attributes: dict[str, set[str]] = {}
        for base, attribute in statement.attributes:
            attributes.setdefault(base, set()).add(attribute)
        for name in statement.names:
            if name in module.bound and name not in statement.imports:
                self._bound(module, name)
            elif name in imports:
                self._target(*imports[name], key=f"{module.name}:{name}", attributes=attributes.get(name))
            else:
                for star in module.stars:
                    self._reach(star, name)
        for name in statement.annotations:  # a settings class, whose methods may compute
            target = imports.get(name, ("", None))
            if target[0].endswith(".settings"):
                self._target(*target, key="")
        self._named(module, statement)

    def _named(self, module: Module, statement: Statement) -> None:
        """Reach what texts name: a file beside the module, or "module:Class"."""
        for text in statement.strings:
            if TARGET.fullmatch(text):
                self._reach(*text.split(":"))
            elif FILE.fullmatch(text) and (file := module.path.parent / text).is_file():
                self.texts[f"{module.name}/{text}"] = hashlib.sha256(file.read_bytes()).hexdigest()

    def _target(self, name: str, attribute: str | None, key: str, attributes: set[str] | None = None) -> None:
        """Reach what was imported: a definition, or of a module the attributes that are used of it."""
        if name.partition(".")[0] not in self.packages:
            self.texts[f"{key} import"] = f"{name} {attribute}"
            return
        whole = name if attribute is None else f"{name}.{attribute}"
        own = self._module(name)
        if attribute is not None and (not self._path(whole) or (own and attribute in own.bound)):
            return self._reach(name, attribute)
        for its in attributes or ():
            self._reach(whole, its)
        if not attributes:
            self._whole(whole)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Stop the search for garbage, which takes a third of the time when trees are read beside a workflow's many objects."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _place(top: str, module: str) -> Path | None:
    """Locate the folder or the one file of a top-level package, importing nothing."""
    loaded = sys.modules.get(module)
    if loaded is not None and getattr(loaded, "__file__", None):
        file = Path(str(loaded.__file__))
        depth = module.count(".") + (file.name == "__init__.py")
        return file.parents[depth - 1] if depth else file
    spec = find_spec(top)
    if spec is None:
        return None
    folders = list(spec.submodule_search_locations or ())
    return Path(folders[0]) if folders else Path(spec.origin or "")


def _source(start: Callable[..., Any]) -> Path | None:
    """Locate the file of a function, or of a class by its methods."""
    codes = (getattr(its, "__code__", None) for its in (start, *vars(start).values()))
    return next((Path(code.co_filename) for code in codes if code), None)


@cache
def _file(path: Path) -> Path | None:
    """Find the file of a module at a path without ending."""
    candidates = (path.with_name(f"{path.name}.py"), path / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)
