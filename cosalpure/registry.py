"""Registries of methods: one entry a method, from this package or from an installed plug-in.

A degradation, purifier or detector of your own is one file with a class and one entry point::

    [project.entry-points."cosalpure.detectors"]
    mine = "my_package.my_file:MyDetector"
"""

import inspect
from importlib import import_module
from importlib.metadata import entry_points

from cosalpure.errors import UserError, choose


class Registry:
    """Names -> classes. Built-in classes are given as 'module:Class' and imported on first use."""

    def __init__(self, kind, group, builtin):
        self.kind = kind  # "detector", as a person would say it
        self.group = group  # entry point group, "cosalpure.detectors"
        self.builtin = dict(builtin)

    def names(self):
        """Every known name, built-in ones first."""
        plugins = sorted({point.name for point in entry_points(group=self.group)} - set(self.builtin))
        return [*self.builtin, *plugins]

    def make(self, name, **settings):
        """The method `name`, made with its `settings`; one that it does not take, or lacks, is a UserError."""
        method = self.get(name)
        signature = inspect.signature(method)
        try:
            signature.bind(**settings)
        except TypeError as error:
            raise UserError(f"{self.kind} '{name}': {error}; it takes {signature}") from None
        return method(**settings)

    def get(self, name):
        """The class registered as `name`; a UserError lists the choices."""
        choose(self.kind, name, self.names())
        if name in self.builtin:
            module, _, attribute = self.builtin[name].partition(":")
            return getattr(import_module(module), attribute)
        (point,) = [p for p in entry_points(group=self.group) if p.name == name][:1]
        try:
            return point.load()
        except Exception as error:
            raise UserError(f"{self.kind} '{name}' ({point.value}) cannot be imported: {error}") from error
