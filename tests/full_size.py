"""The paper's experiment at full size, without a download: Stable Diffusion 2 with random weights, at 768 px.

    python tests/full_size.py FOLDER                       every phase on the CPU: an hour or more, 4 GB on disk
    python tests/full_size.py FOLDER --phases learn purify     some phases; the model in FOLDER is made if it is missing
    python tests/full_size.py FOLDER --device cuda         speed and memory on a GPU instead

Settings are those of config/paper.yaml (text_to_image, concept, purifiers.cosalpure), the code is that of the stages.
Every phase runs in a process of its own, so that its peak memory is its own; a table is printed at the end. The weights
are random, so that images and losses mean nothing: what is measured is time, memory and whether anything breaks.
The tokenizer is the real one, from the vocabulary in the PyPI package open_clip_torch (`make extras` installs it).
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from full_size_model import SEED, build_model  # noqa: E402
from full_size_speed import measure_variant, peak_gb, variants  # noqa: E402

from cosalpure.concept.settings import ConceptFigures  # noqa: E402
from cosalpure.data.settings import FolderDataset  # noqa: E402
from cosalpure.errors import UserError  # noqa: E402
from cosalpure.experiment.parse import load_files  # noqa: E402
from cosalpure.io import whole_file, whole_folder  # noqa: E402

SPAN = "0:1"


# --- settings and data ------------------------------------------------------------------------------------------------
def paper_settings(folder, steps, **model):
    """{name: settings} of the paper's experiment, the files being those in `folder`, with `steps` of learning."""
    paper = load_files([ROOT / "config/paper.yaml"])
    chosen = {"continuous": str(folder / "liif.safetensors")}
    chosen |= {key: value for key, value in model.items() if key == "resolution"}
    return {
        "model": paper.text_to_image.model_copy(update={"path": str(folder / "model")} | model),
        "concept": paper.concept.model_copy(update={"steps": steps}),
        "purifier": paper.purifiers["cosalpure"].settings.model_copy(update=chosen),
    }


def prepare(folder):
    """Make what is missing in `folder`: the model, LIIF's weights, a group of two images, the same of its first one."""
    import stubs

    from cosalpure import networks
    from cosalpure.data import stage
    from cosalpure.train.common import seeded

    if not (folder / "model").exists():
        with whole_folder(folder / "model") as model:
            build_model(model)
    if not (folder / "liif.safetensors").exists():
        with seeded(SEED, "liif"):
            networks.save_weights(folder / "liif.safetensors", networks.build("liif"), {}, "liif")
    for name, count in (("two", 2), ("one", 1)):
        if not (folder / "data" / name).exists():
            with whole_folder(folder / "photos" / name) as photos:
                (photos / "goat").mkdir()
                for index, (image, _) in enumerate(stubs.pictures("goat", count, seed=SEED)):
                    image.save(photos / f"goat/{index}.png")
            taken = FolderDataset(path=str(folder / "photos" / name), size=224, attacked_fraction=1)
            stage.run(name, taken, folder / "data" / name, SEED)


# --- phases -----------------------------------------------------------------------------------------------------------
def load(folder, its):
    """load the model"""
    from cosalpure.diffusion.text_to_image import TextToImage

    TextToImage.of(its["model"])


def one_pass(folder, its, gradients=False, processor=None, **changes):
    """load the model; one pass of the U-Net for one image"""
    import torch

    from cosalpure.diffusion.text_to_image import TextToImage

    model = TextToImage.of(its["model"].model_copy(update=changes))
    if processor:
        model.unet.set_attn_processor(processor)
    context, start = model.embed(["a photo"]).detach().requires_grad_(gradients), time.perf_counter()
    with torch.set_grad_enabled(gradients):
        output = model.predict(torch.randn(1, *model.latent_shape), torch.tensor([200]), context)
    if gradients:
        torch.autograd.grad(output.square().mean(), context)
    return f"{time.perf_counter() - start:.0f} s without loading"


def one_pass_plain(folder, its):
    """the same with diffusers' plain attention processor"""
    from diffusers.models.attention_processor import AttnProcessor

    return one_pass(folder, its, processor=AttnProcessor())


def gradient(folder, its):
    """load the model; one pass of the U-Net and its gradient for one image"""
    return one_pass(folder, its, gradients=True)


def gradient_checkpointed(folder, its):
    """the same with gradient checkpointing"""
    return one_pass(folder, its, gradients=True, gradient_checkpointing=True)


def learn(folder, its):
    """learn a concept from two images"""
    from cosalpure.concept import FILE, stage

    data = folder / "data/two"
    stage.run(its["concept"], its["model"], data, data, folder / "concept", SPAN, SEED)
    (concept,) = folder.glob(f"concept/groups/*/{FILE}")
    return (
        f"{its['concept'].steps} steps of batch {its['concept'].batch}; the concept has {concept.stat().st_size} bytes"
    )


def purify(folder, its):
    """purify one image"""
    from cosalpure.purify import stage

    one, concepts = folder / "data/one", folder / "concept"
    stage.run("cosalpure", its["purifier"], its["model"], one, one, concepts, folder / "purified", SPAN, SEED)
    return f"T = {its['purifier'].timestep}, {its['purifier'].steps} steps of a full run"


def attention(folder, its):
    """attention maps of the purified image"""
    from cosalpure.report.concepts import draw_attention

    figure = folder / "attention.png"
    draw_attention(folder / "data/one", folder / "purified", folder / "concept", its["model"], SPAN, figure, SEED)
    return "4 passes of the U-Net"


def previews(folder, its):
    """a preview of a concept, twice as in the report's figure"""
    from cosalpure.report.concepts import draw_previews

    one, concepts, settings = folder / "data/one", folder / "concept", its["previews"]
    figure = folder / "previews.png"
    draw_previews(one, one, concepts, concepts, its["model"], SPAN, figure, SEED, settings, previews=1)
    return f"{settings.steps} sampler steps"


STAGES = (load, one_pass, one_pass_plain, gradient, gradient_checkpointed, learn, purify, attention, previews)
PHASES = {phase.__name__: phase for phase in STAGES}


def run_phase(name, folder, its):
    """A row of the table: what a phase took in this process, and the machine's load before and after it."""
    before, start, cpu = os.getloadavg()[0], time.perf_counter(), time.process_time()
    note = PHASES[name](folder, its)
    return {
        "phase": PHASES[name].__doc__,
        "dtype": its["model"].dtype,
        "seconds": round(time.perf_counter() - start),
        "CPU seconds": round(time.process_time() - cpu),
        "peak GB": round(peak_gb(), 1),
        "load": f"{before:.1f} to {os.getloadavg()[0]:.1f}",
        "note": note or "",
    }


# --- the command ------------------------------------------------------------------------------------------------------
def main(arguments=None):
    """Run the phases, each in a process of its own, and print the table; the exit status."""
    options = parse(arguments)
    folder = Path(options.folder).resolve()
    its = paper_settings(folder, options.steps, dtype=options.dtype) | {
        "previews": ConceptFigures(steps=options.preview_steps)
    }
    if options.only:
        print(json.dumps(run_one(options, folder, its)))
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    chosen, failed = options.phases if options.device == "cpu" else variants(), []
    for name in ["prepare", *chosen]:
        say(name)
        row = in_own_process(options, folder, name)
        say(f"{name}: {'failed' if row is None else json.dumps(row)}")
        if row is None:
            failed.append(name)
        elif name != "prepare":
            with whole_file(folder / "measured" / f"{name}.json") as path:
                path.write_text(json.dumps(row))
    print("\n" + table(measured(folder, PHASES if options.device == "cpu" else variants())))
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def say(text):
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


def measured(folder, names):
    """The rows that `folder` has of `names`, those of earlier calls included, in order."""
    paths = [folder / "measured" / f"{name}.json" for name in names]
    return [json.loads(path.read_text()) for path in paths if path.exists()]


def parse(arguments):
    """The command line's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="where the model and the results are kept, 4 GB")
    parser.add_argument("--phases", nargs="+", choices=PHASES, default=list(PHASES), help="what is run (all)")
    parser.add_argument("--steps", type=int, default=3, help="steps of concept learning that are run (3)")
    parser.add_argument("--preview-steps", type=int, default=25, help="sampler steps of a preview (25)")
    parser.add_argument("--dtype", default="auto", help="as text_to_image.dtype (auto: float32 on a CPU)")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (2)")
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default="cpu", help="cuda measures speed instead of phases"
    )
    parser.add_argument("--only", help=argparse.SUPPRESS)  # what the process of one phase is told
    return parser.parse_args(arguments)


def run_one(options, folder, its):
    """The row of the phase or measurement `options.only`, made in this process."""
    import torch

    torch.set_num_threads(options.threads)
    if options.only == "prepare":
        prepare(folder)
        return {}
    if options.only in PHASES:
        return run_phase(options.only, folder, its)
    if not torch.cuda.is_available():
        raise UserError("--device cuda: torch finds no GPU here")
    return measure_variant(options.only, folder, its, options.steps)


def in_own_process(options, folder, name):
    """What `name` measured in a process of its own, whose last line is JSON; None if it failed."""
    command = [sys.executable, __file__, folder, "--only", name, "--device", options.device, "--steps", options.steps]
    command += ["--preview-steps", options.preview_steps, "--threads", options.threads, "--dtype", options.dtype]
    environment = os.environ | {"OMP_NUM_THREADS": str(options.threads)}
    if options.device == "cpu":
        environment["CUDA_VISIBLE_DEVICES"] = ""
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True, env=environment) as run:
        last = ""
        for line in run.stdout:
            if last:
                print(f"    {last}", flush=True)
            last = line.rstrip()
    return None if run.returncode else json.loads(last)


def table(rows):
    """Rows of equal keys as a Markdown table."""
    if not rows:
        return "nothing was measured"
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(map(str, row.values())) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        sys.exit(f"full_size.py: {error}")
