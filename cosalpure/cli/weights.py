"""`cosalpure weights`: list or download the published weights."""

from typing import Annotated

import typer

from cosalpure.cli import published
from cosalpure.cli.command import Command, new_app
from cosalpure.cli.options import Folder, Sources

weights = new_app(help="List the published weights, or download them.")


@weights.command("list", cls=Command)
def list_weights(folder: Folder = "weights", sources: Sources = None) -> None:
    """List the published weights.

    The list shows which are here, their sizes, licences and sources.
    """
    published.run("weights", "list", [], folder, sources)


@weights.command("fetch", cls=Command)
def fetch_weights(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Weights, by the names that `list` shows.")
    ] = None,
    folder: Folder = "weights",
    sources: Sources = None,
) -> None:
    """Download weights and verify them.

    A download that was interrupted continues where it stopped.
    """
    published.run("weights", "fetch", names or [], folder, sources)
