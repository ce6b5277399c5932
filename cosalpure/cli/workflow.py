"""`cosalpure workflow`: write the workflow's files to a folder."""

from shlex import quote
from typing import Annotated

import typer


def workflow(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Folder to write to. It is made if it is not there.")],
) -> None:
    """Write the Snakefile, its rules, profiles and experiments to a folder, ready to run.

    A file that is there and differs is not overwritten.
    """
    from cosalpure.environment import installed
    from cosalpure.workflow import write

    count = write(folder)
    print(f"{folder}: {count} files written" if count else f"{folder}: has all files already")
    if not installed("snakemake"):
        print("First:  pip install 'cosalpure[workflow]'")
    print(f"Next:   cd {quote(folder)} && snakemake --cores all")
