"""`cosalpure config`: check or explain an experiment; write the schema and the documentation of all settings."""

import json

from cosalpure.cli.command import Command, new_app
from cosalpure.cli.options import Experiments, read_experiment
from cosalpure.experiment.files import DEFAULT

config = new_app(help="Check or explain an experiment.")


@config.command("check", cls=Command)
def check(files: Experiments = None) -> None:
    """Find the mistakes of an experiment.

    If there are none, the command prints the number of conditions and the entries that none of them uses.
    """
    from cosalpure.doctor import unused_note
    from cosalpure.experiment.project import where_it_runs

    with where_it_runs(files or []) as called:
        experiment = read_experiment(called)
    print(f"{', '.join(files or [DEFAULT])}: valid, {len(experiment.conditions)} conditions")
    if note := unused_note(experiment):
        print(note)


@config.command("explain", cls=Command)
def explain(files: Experiments = None) -> None:
    """Print every value of an experiment.

    The values of the official code and of the paper stand beside each value.
    """
    from cosalpure.experiment.explain import run
    from cosalpure.experiment.project import where_it_runs

    with where_it_runs(files or []) as called:
        print(run(called))


@config.command("entries", cls=Command)
def entries(files: Experiments = None) -> None:
    """Print the labels and roles of an experiment.

    The option --entries of other commands takes them in this form.
    """
    from cosalpure.experiment.project import where_it_runs

    with where_it_runs(files or []) as called:
        experiment = read_experiment(called)
    print(json.dumps(experiment.entries.as_dict(), sort_keys=True, ensure_ascii=False))


@config.command("schema", cls=Command)
def schema() -> None:
    """Print the JSON schema of all settings."""
    from cosalpure.experiment.reference import schema_text

    print(schema_text(), end="")


@config.command("docs", cls=Command)
def docs() -> None:
    """Print the documentation of all settings, in Markdown."""
    from cosalpure.experiment.reference import docs_text

    print(docs_text(), end="")
