"""`cosalpure submit` and `cosalpure leaderboard`: entries of the leaderboard, their check, and its page."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cosalpure.cli.options import EXPERIMENT, output, read_experiment, several
from cosalpure.errors import UserError

if TYPE_CHECKING:
    from cosalpure.leaderboard.entry import Facts


def submit(
    results: Annotated[str, typer.Argument(metavar="RESULTS", help="Folder of the results of a finished run.")],
    track: Annotated[Literal["detector", "purifier", "attack"], typer.Option("--track", help="What the entry is.")],
    entry: Annotated[str, typer.Option("--entry", metavar="NAME", help="Its name in the experiment.")],
    about: Annotated[
        str,
        typer.Option("--about", metavar="FILE", help="YAML file of authors, licence, links and published numbers."),
    ],
    experiment: Annotated[list[str] | None, several("--experiment", "FILE", EXPERIMENT)] = None,
    output: Annotated[str, output("Folder of the leaderboard.")] = "leaderboard",
) -> None:
    """Make an entry of the leaderboard from the results of a run.

    The command writes TRACK/NAME.json and the scores of all images beside it. Every number is computed from those scores.
    """
    facts = _facts(about)
    from cosalpure.leaderboard.submit import run

    print(run(results, read_experiment(experiment), track, entry, facts, output))


def _facts(path: str) -> "Facts":
    from cosalpure.leaderboard.entry import MOST_BYTES, Facts
    from cosalpure.schema import parse

    try:
        with open(path, encoding="utf-8") as file:
            return parse(Facts, file.read(MOST_BYTES), path)
    except UnicodeDecodeError:
        raise UserError(f"{path}: not text in UTF-8") from None


def leaderboard(
    folder: Annotated[str | None, typer.Argument(metavar="DIR", help="Folder of the entries, for the page.")] = None,
    output: Annotated[str | None, output("Folder of the page to write.")] = None,
    check: Annotated[list[str] | None, several("--check", "FILE", "Check entries, offline.")] = None,
    images: Annotated[
        str | None,
        typer.Option(
            "--images", metavar="DIR", help="Results whose images --check reads, to compute the attack's bound."
        ),
    ] = None,
    remeasure: Annotated[
        str | None, typer.Option("--remeasure", metavar="FILE", help="Run an entry again and compare the numbers.")
    ] = None,
    work: Annotated[
        str, typer.Option("--work", metavar="DIR", help="Folder in which --remeasure runs.")
    ] = "remeasured",
    cores: Annotated[int, typer.Option("--cores", help="CPU cores of --remeasure.")] = 2,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema of an entry.")] = False,
) -> int:
    """Build the page of the leaderboard, check entries, or measure one again.

    --check prints one line a fault, with the field's path. The exit status is 1 if there is a fault, or if a number that was
    measured again is not the submitted one.
    """
    asked = [folder is not None, bool(check), remeasure is not None, schema]
    if sum(asked) != 1 or (folder is not None and output is None):
        raise UserError("expected DIR --output FOLDER, or --check FILE..., or --remeasure FILE, or --schema")
    if schema:
        from cosalpure.leaderboard.entry import schema_text

        print(schema_text(), end="")
        return 0
    if check:
        return _check(check, images)
    if remeasure is not None:
        from cosalpure.leaderboard.remeasure import run

        return run(remeasure, work, cores)
    from cosalpure.extras import optional

    with optional():
        from cosalpure.leaderboard.page import write
    print(write(str(folder), str(output)))
    return 0


def _check(files: list[str], images: str | None) -> int:
    from cosalpure.leaderboard.check import faults

    found = [f"{file}: {fault}" for file in files for fault in faults(file, images)]
    print("\n".join(found) if found else f"{len(files)} {'entry is' if len(files) == 1 else 'entries are'} right")
    return 1 if found else 0
