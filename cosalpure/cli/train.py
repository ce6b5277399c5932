"""`cosalpure train`: train a model, or check a trained one."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cosalpure.cli.command import Command, new_app
from cosalpure.cli.options import LAYOUT, NO_SETTINGS, Settings, Threads, output, several
from cosalpure.errors import choose
from cosalpure.train import MODELS


class Models(TyperGroup):
    """The commands of `cosalpure train`: an unknown model is a mistake of one line that lists the models."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command, or raise a UserError that lists the models."""
        if args[0] not in self.commands and not args[0].startswith("-"):
            choose("model", args[0], list(MODELS))
        return super().resolve_command(ctx, args)


train = new_app(cls=Models, help="Train a model, or check a trained one.")

RESUMES = "A training that was interrupted resumes from its checkpoint beside the output."


SettingsFile = Annotated[
    str | None, typer.Option("--settings-file", metavar="FILE", help="YAML file of settings; --settings override it.")
]
TextEncoder = Annotated[
    str | None,
    typer.Option("--text-encoder", metavar="DIR", help="Folder of the trained text encoder; only for text-to-image."),
]
Autoencoder = Annotated[
    str | None,
    typer.Option("--autoencoder", metavar="DIR", help="Folder of the trained autoencoder; only for text-to-image."),
]
Device = Annotated[str, typer.Option("--device", metavar="NAME", help="cpu, cuda, or auto: the GPU if there is one.")]
Precision = Annotated[
    str,
    typer.Option(
        "--precision", metavar="NAME", help="float32, bfloat16, or auto: bfloat16 if the hardware supports it."
    ),
]
Workers = Annotated[
    int | None, typer.Option("--workers", help="Number of processes that prepare images. Default: threads - 1.")
]
Minutes = Annotated[float | None, typer.Option("--minutes", help="Minutes of training, instead of a number of steps.")]


def train_model(
    context: typer.Context,
    output: Annotated[str, output("File or folder of the weights to write.")],
    settings: Settings = NO_SETTINGS,
    settings_file: SettingsFile = None,
    text_encoder: TextEncoder = None,
    autoencoder: Autoencoder = None,
    device: Device = "auto",
    precision: Precision = "auto",
    workers: Workers = None,
    minutes: Minutes = None,
    threads: Threads = 1,
) -> None:
    """Train the model that the command names."""
    from cosalpure.experiment.files import read_files
    from cosalpure.schema import inline
    from cosalpure.train import run
    from cosalpure.train.compute import Compute

    values = read_files([settings_file] if settings_file else []) | inline(settings, "--settings")
    compute = Compute(device, precision, threads - 1 if workers is None else workers, minutes)
    run(str(context.info_name), output, values, text_encoder, autoencoder, compute)


for model, its in MODELS.items():
    train.command(model, cls=Command, help=f"Train {its.title}.\n\n{RESUMES}")(train_model)


@train.command("check", cls=Command)
def check(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Folder of the text-to-image model.")],
    recogniser: Annotated[str, typer.Option("--recogniser", metavar="DIR", help="Folder of the trained text encoder.")],
    output: Annotated[str, output("Folder for gate.json and the pictures.")],
    concepts: Annotated[
        list[str] | None,
        several(
            "--concepts",
            "DIR",
            f"Folders of concepts that the model learned, such as {LAYOUT.stage('concept', 'DATASET', 'NAME')}.",
        ),
    ] = None,
    threads: Threads = 1,
) -> None:
    """Run the acceptance check of a text-to-image model.

    It measures whether the model follows the prompt.
    """
    from cosalpure.train.gate import gate

    gate(model, recogniser, output, concepts=concepts or ())
