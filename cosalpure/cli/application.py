"""The whole command line: every command, and the examples that `cosalpure --help` ends with."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cosalpure import __version__
from cosalpure.cli.bench import bench
from cosalpure.cli.check import check
from cosalpure.cli.command import Command, new_app
from cosalpure.cli.concept import concept
from cosalpure.cli.config import config
from cosalpure.cli.contract import contract
from cosalpure.cli.curves import curves
from cosalpure.cli.data import data
from cosalpure.cli.degrade import degrade
from cosalpure.cli.detect import detect
from cosalpure.cli.doctor import doctor
from cosalpure.cli.leaderboard import leaderboard, submit
from cosalpure.cli.plan import plan
from cosalpure.cli.purify import purify
from cosalpure.cli.purify_folder import purify_folder
from cosalpure.cli.report import report
from cosalpure.cli.score import score
from cosalpure.cli.status import status
from cosalpure.cli.tables import tables
from cosalpure.cli.train import train
from cosalpure.cli.verify import verify
from cosalpure.cli.weights import weights
from cosalpure.cli.words import words
from cosalpure.cli.workflow import workflow

COMMANDS: dict[str, Any] = {
    "data": data,
    "degrade": degrade,
    "concept": concept,
    "purify": purify,
    "purify-folder": purify_folder,
    "detect": detect,
    "score": score,
    "curves": curves,
    "words": words,
    "tables": tables,
    "report": report,
    "submit": submit,
    "leaderboard": leaderboard,
    "weights": weights,
    "train": train,
    "config": config,
    "contract": contract,
    "check": check,
    "plan": plan,
    "status": status,
    "verify": verify,
    "bench": bench,
    "doctor": doctor,
    "workflow": workflow,
}
EXAMPLES = """\
The workflow runs these commands: snakemake --cores all. The next lines run them by hand, in order, with the small bundled
models. Without --settings, a method uses the official constants and weights.

\b
  cosalpure data mini --output results/data/mini
  cosalpure degrade jadena --data results/data/mini --output results/degrade/mini/jadena \\
      --settings '{surrogate: bundled:mini/weights/resneta50b.safetensors}'
  MODEL='{path: bundled:mini/models/text-to-image, resolution: 64}'
  cosalpure concept --data results/data/mini --images results/degrade/mini/jadena \\
      --output results/concept/mini/jadena --text-to-image "$MODEL" \\
      --settings '{steps: 60, batch: 8, learning_rate: 0.05}'
  cosalpure purify cosalpure --data results/data/mini --images results/degrade/mini/jadena \\
      --concepts results/concept/mini/jadena --output results/purify/mini/jadena/cosalpure \\
      --text-to-image "$MODEL" --settings '{resolution: 128, timestep: 40, steps: 75, guidance_scale: 3.0}'
  cosalpure detect gicd --data results/data/mini --images results/purify/mini/jadena/cosalpure \\
      --output results/detect/mini/jadena/cosalpure/gicd \\
      --settings '{weights: bundled:mini/weights/gicd.safetensors}'
  cosalpure score --data results/data/mini --images results/purify/mini/jadena/cosalpure \\
      --maps results/detect/mini/jadena/cosalpure/gicd \\
      --condition mini jadena cosalpure gicd --output results/score/mini/jadena/cosalpure/gicd.parquet

The next line purifies a folder of your own photos.

\b
  cosalpure purify-folder my_photos --out purified

Run cosalpure COMMAND --help for the options of a command."""


class Stages(TyperGroup):
    """The commands in the order of the workflow. Typer would list families such as `tables` after all others."""

    def list_commands(self, ctx: Any) -> list[str]:
        """List the commands in the order of the workflow."""
        return list(COMMANDS)


app = new_app(cls=Stages, epilog=EXAMPLES)


def print_version(asked: bool) -> None:
    """Print the version and end, if --version was given."""
    if asked:
        print(f"cosalpure {__version__}")
        raise typer.Exit


@app.callback()
def top(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """A benchmark for robust co-salient object detection: attack, purify, detect, score."""


for name, command in COMMANDS.items():
    if isinstance(command, typer.Typer):
        app.add_typer(command, name=name)
    else:
        app.command(name, cls=Command)(command)
