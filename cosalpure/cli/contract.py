"""`cosalpure contract`: try whether a method keeps to the contract of its kind."""

from typing import TYPE_CHECKING, Annotated

import typer

from cosalpure.cli.options import NO_SETTINGS, Model, Settings, Threads, read_model, read_settings
from cosalpure.errors import UserError, choose

if TYPE_CHECKING:
    from cosalpure.protocols import Kind


def contract(
    method: Annotated[
        str, typer.Argument(metavar="METHOD", help="A degradation, purifier or detector, or FILE.py:CLASS.")
    ],
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind",
            metavar="KIND",
            help="What it is: degradation, purifier or detector. Default: the kind that has a method of this name.",
        ),
    ] = None,
    settings: Settings = NO_SETTINGS,
    text_to_image: Model = "",
    threads: Threads = 1,
) -> int:
    """Test a method against its contract, on a tiny group.

    The command prints one line for each test: ok, or what is wrong. The exit status is 1 if a test fails.
    """
    from cosalpure.methods import METHODS

    known = {registry.kind: registry for registry in METHODS.values()}
    found = _kind(method, kind)
    chosen = read_settings(known[found].get(method).settings, settings)
    model = read_model(text_to_image) if text_to_image else None
    from cosalpure.contract.run import run

    return run(found, method, chosen, model)


def _kind(method: str, kind: str | None) -> "Kind":
    """Find the kind of a method: the one named, or the only one that knows the method."""
    from cosalpure.method_files import in_a_file
    from cosalpure.methods import METHODS

    known = {registry.kind: registry for registry in METHODS.values()}
    if kind is not None:
        choose("kind", kind, known, "--kind")
        return next(its for its in known if its == kind)
    found = [its for its, registry in known.items() if method in registry.names()]
    if in_a_file(method) or len(found) > 1:
        choices = " or ".join(f"--kind {its}" for its in found or known)
        raise UserError(f"'{method}': say what it is: {choices}")
    if not found:
        choose("method", method, dict.fromkeys(name for registry in known.values() for name in registry.names()))
    return found[0]
