"""The command `cosalpure`: a subcommand a stage. What a rule of the workflow runs can be typed by hand.

Stages are imported when they run, so that `cosalpure --help` answers at once.
"""

import argparse
import json
import os
import sys

from cosalpure import __version__
from cosalpure.errors import UserError, choose
from cosalpure.experiment.files import DEFAULT
from cosalpure.experiment.layout import Layout

LAYOUT = Layout()
EXPERIMENT = "an experiment file, then variants of it, as snakemake --configfile takes them"
EPILOG = """\
The workflow runs these for you: snakemake --cores all. By hand, in order, with the small bundled models (without
--settings, a method has the official constants and weights):

  cosalpure data mini --output results/data/mini
  cosalpure degrade jadena --data results/data/mini --output results/degrade/mini/jadena \\
      --settings '{surrogate: resources/mini/weights/resneta50b.safetensors, exposure_step: 0.3}'
  MODEL='{path: resources/mini/models/text-to-image, resolution: 64}'
  cosalpure concept --data results/data/mini --images results/degrade/mini/jadena --output results/concept/mini/jadena \\
      --text-to-image "$MODEL" --settings '{steps: 60, batch: 8, learning_rate: 0.05}'
  cosalpure purify cosalpure --data results/data/mini --images results/degrade/mini/jadena \\
      --concepts results/concept/mini/jadena --output results/purify/mini/jadena/cosalpure \\
      --text-to-image "$MODEL" --settings '{resolution: 128, timestep: 40, steps: 75, guidance_scale: 3.0}'
  cosalpure detect gicd --data results/data/mini --images results/purify/mini/jadena/cosalpure \\
      --output results/detect/mini/jadena/cosalpure/gicd --settings '{weights: resources/mini/weights/gicd.safetensors}'
  cosalpure score --data results/data/mini --images results/purify/mini/jadena/cosalpure \\
      --maps results/detect/mini/jadena/cosalpure/gicd \\
      --condition mini jadena cosalpure gicd --output results/score/mini/jadena/cosalpure/gicd.parquet

A folder of photos of your own, in one step:

  cosalpure purify-folder my_photos --out purified

COMMAND --help explains a command.
"""


def main(arguments=None):
    """Entry point: exit status 0, or 1 with one line a mistake on standard error, or 2 for a misused option."""
    options = parser().parse_args(arguments)
    try:
        _limit_threads(getattr(options, "threads", None))
        return options.run(options) or 0
    except UserError as error:
        for line in str(error).splitlines():
            print(f"cosalpure: {line}", file=sys.stderr)
    except PermissionError as error:
        print(f"cosalpure: {error.filename}: no permission to write or read here", file=sys.stderr)
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise
        print(f"cosalpure: {error.filename or 'disk'}: {error.strerror}", file=sys.stderr)
    except KeyboardInterrupt:
        print("cosalpure: interrupted; finished groups are kept", file=sys.stderr)
    return 1


def parser():
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="cosalpure",
        description="A benchmark of robustness in co-salient object detection: attack, purify, detect, score.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"cosalpure {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    add = _adder(commands)
    data = add("data", _data, "make a dataset: images, masks and manifest.parquet; list or fetch the published ones")
    data.add_argument("name", help="name of the dataset, for example mini; or list, or fetch")
    data.add_argument("published", nargs="*", metavar="NAME", help="after fetch: cosal2015, icoseg, cosod3k, coca")
    data.add_argument("--folder", metavar="DIR", default="datasets", help="where archives lie (%(default)s)")
    data.add_argument("--sources", metavar="FILE", help="table of sources (config/sources.csv)")
    _common(data, output="folder of the dataset", settings=True, seed=True, required=False)

    degrade = add("degrade", _degrade, "degrade the attacked images of every group")
    degrade.add_argument("method", help="degradation: none, jadena, motion_blur, ... or a plug-in's")
    _common(degrade, output="folder of the degradation", settings=True, seed=True, data=True)

    concept = add("concept", _concept, "learn one concept a group by textual inversion")
    _common(concept, output="folder of the concepts", settings=True, seed=True, data=True, images=True, model=True)

    purify = add("purify", _purify, "purify every image of every group")
    purify.add_argument(
        "method",
        help="purifier: source_only, vae_round_trip, jpeg, continuous, cosalpure, diffpure, dda, or a plug-in's",
    )
    purify.add_argument("--concepts", metavar="DIR", help="folder of the learned concepts, if the purifier needs them")
    _common(purify, output="folder of the purifier", settings=True, seed=True, data=True, images=True, model=True)

    folder = add("purify-folder", _purify_folder, "purify one folder of photos, without the workflow")
    folder.add_argument("photos", metavar="PHOTOS", help="folder of photos that have something in common")
    folder.add_argument("--out", metavar="DIR", required=True, help="folder of the results; a sheet shows them all")
    folder.add_argument("--config", metavar="FILE", nargs="+", default=[DEFAULT], help=f"{EXPERIMENT} (config.yaml)")
    folder.add_argument("--purifier", metavar="NAME", default="cosalpure", help="its entry there (%(default)s)")
    folder.add_argument("--detector", metavar="NAME", help="its entry there (the first one)")
    folder.add_argument("--threads", type=int, default=1, help="CPU threads; results hold for one number (1)")

    detect = add("detect", _detect, "predict one co-saliency map an image")
    detect.add_argument("method", help="detector: gicd, gcagc, poolnet, or a plug-in's")
    detect.add_argument("--average-with", metavar="DIR", help="folder of images whose maps are averaged with these")
    _common(detect, output="folder of the detector", settings=True, data=True, images=True)

    score = add("score", _score, "score the maps of a condition, one Parquet row an image")
    score.add_argument("--maps", metavar="DIR", required=True, help="folder of the detector")
    names = ("DATASET", "DEGRADATION", "PURIFIER", "DETECTOR")
    score.add_argument("--condition", nargs=4, metavar=names, required=True, help="names to write into the rows")
    score.add_argument("--images", metavar="DIR", required=True, help="folder whose images/ the detector saw")
    _common(score, output="Parquet file to write", settings=True)
    score.add_argument("--data", metavar="DIR", required=True, help="folder of the dataset")

    tables = add("tables", _tables, "the paper's tables from score files")
    tables.add_argument("scores", nargs="+", metavar="FILE", help="score files; their order is the tables' order")
    tables.add_argument("--degradation", metavar="NAME", default="jadena", help="what they are about (%(default)s)")
    tables.add_argument(
        "--only", nargs="+", metavar="NAME", help="tables to write, or scores, all rows in one file (all)"
    )
    _common(tables, output="folder of the tables", settings=True, seed=True, entries=True)

    complete = add("complete", _complete, "fail unless every image of every condition has a score")
    complete.add_argument("scores", nargs="+", metavar="FILE", help=f"score files, or {LAYOUT.scores}")
    _common(complete, output="text file to write if all is there: a line a condition")

    compare = add("compare", _compare, "paired differences between two runs, on the images that both have scored")
    compare.add_argument("a", metavar="RESULTS_A", help="folder of results")
    compare.add_argument("b", metavar="RESULTS_B", help="folder of results; differences are B minus A")
    compare.add_argument("--metric", metavar="NAME", nargs="+", help="columns of the scores (success ap f_beta mae)")
    compare.add_argument("--split", choices=["avg", "adv", "clean"], default="avg", help="images (%(default)s)")
    _common(compare, output="also write it: .csv, .md or .parquet", settings=True, seed=True, required=False)

    show = add("show", _show, "print a finished table")
    show.add_argument("table", nargs="?", default=LAYOUT.table("table2", "md"), help="Markdown table (%(default)s)")

    report = commands.add_parser("report", help="figures", description="Figures.")
    figures = _adder(report.add_subparsers(title="figures", metavar="FIGURE", required=True))
    overview = figures("overview", _overview, "a group before and after, with its maps")
    overview.add_argument(
        "--results", metavar="DIR", default=LAYOUT.results, help="folder of the results (%(default)s)"
    )
    names = ("DATASET", "DEGRADATION", "DETECTOR")
    overview.add_argument("--condition", nargs=3, metavar=names, required=True, help="what to show")
    overview.add_argument("--purifiers", nargs="+", metavar="NAME", required=True, help="a row each, in this order")
    _common(overview, output="PNG file to write", entries=True)
    comparison = figures("comparison", _comparison, "images, ground truth and maps as in the paper's Figures 6 and 7")
    comparison.add_argument("--purifiers", nargs="+", metavar="NAME", required=True, help="a row each, in this order")
    failures = figures("failures", _failures, "the images that a purifier leaves worst, as in the paper's Figure 2")
    failures.add_argument("--purifier", metavar="NAME", required=True, help="whose failures")
    for figure in (comparison, failures):
        figure.add_argument(
            "--results", metavar="DIR", default=LAYOUT.results, help="folder of the results (%(default)s)"
        )
        figure.add_argument("--condition", nargs=2, metavar=names[:2], required=True, help="what to show")
        figure.add_argument("--detectors", nargs="+", metavar="NAME", required=True, help="in this order")
        _common(figure, output="PNG file to write", entries=True)
    sweep = figures("sweep", _sweep, "the success rate against a setting")
    sweep.add_argument("scores", nargs="+", metavar="FILE", help="score files")
    sweep.add_argument("--points", nargs="+", metavar="DATASET/DEGRADATION=VALUE", required=True, help="along the axis")
    sweep.add_argument("--label", default="", help="the axis' title")
    _common(
        sweep,
        output="PNG file to write; the numbers go into a CSV file beside it",
        settings=True,
        seed=True,
        entries=True,
    )
    previews = figures("concepts", _previews, "what the learned concepts look like, from clean and attacked groups")
    previews.add_argument("--clean-concepts", metavar="DIR", required=True, help="concepts of the clean groups")
    attention = figures("attention", _attention, "where the network attends to the learned concepts")
    for figure in (previews, attention):
        figure.add_argument("--concepts", metavar="DIR", required=True, help="folder of the learned concepts")
        _common(figure, output="PNG file to write", data=True, images=True, model=True, seed=True)

    page = figures("page", _page, "one self-contained HTML page of a run, to open from disk")
    page.add_argument("results", metavar="RESULTS", help="folder of the results, with tables")
    page.add_argument(
        "--configuration", metavar="JSON", default="{}", help="the run's whole configuration, to be shown"
    )
    page.add_argument("--benchmarks", metavar="DIR", default=LAYOUT.benchmarks, help="Snakemake's times (%(default)s)")
    _common(page, output="HTML file to write", settings=True, seed=True, entries=True)

    screenshot = figures("screenshot", _screenshot, "a picture of a part of the page, taken by Chromium")
    screenshot.add_argument("page", metavar="HTML", help="the report page")
    screenshot.add_argument("--part", metavar="NAME", default="gallery", help="heading to begin at (%(default)s)")
    _common(screenshot, output="PNG file to write")

    weights = add("weights", _weights, "list the published weights, or fetch them")
    weights.add_argument("action", choices=["list", "fetch"], help="what to do")
    weights.add_argument("names", nargs="*", metavar="NAME", help="weights to fetch, as listed")
    weights.add_argument("--folder", metavar="DIR", default="weights", help="where they lie (%(default)s)")
    weights.add_argument("--sources", metavar="FILE", help="table of sources (config/sources.csv)")

    train = add("train", _train, "train a model of the mini benchmark, or by the same rule a larger one")
    train.add_argument(
        "model", help="surrogate, gicd, gcagc, poolnet, liif, adm, text-encoder, autoencoder, text-to-image"
    )
    train.add_argument("--settings-file", metavar="FILE", help="YAML file of settings; --settings go over it")
    train.add_argument("--text-encoder", metavar="DIR", help="finished text encoder (for text-to-image)")
    train.add_argument("--autoencoder", metavar="DIR", help="finished autoencoder (for text-to-image)")
    train.add_argument("--device", metavar="NAME", default="auto", help="cpu, cuda or auto: the GPU if there is one")
    train.add_argument(
        "--precision", metavar="NAME", default="auto", help="float32, bfloat16 or auto: bfloat16 where hardware has it"
    )
    train.add_argument("--workers", metavar="N", type=int, help="processes that prepare images (threads - 1)")
    train.add_argument(
        "--minutes", metavar="M", type=float, help="time for training steps, instead of the settings' number of steps"
    )
    _common(train, output="file or folder of the weights", settings=True)

    gate = add("gate", _gate, "measure whether the text-to-image model hears its text")
    gate.add_argument("model", help="pipeline folder")
    gate.add_argument("--recogniser", metavar="DIR", required=True, help="folder of the trained text encoder")
    gate.add_argument(
        "--concepts",
        metavar="DIR",
        nargs="+",
        default=(),
        help=f"concepts learned by it, {LAYOUT.stage('concept', 'DATASET', 'NAME')}",
    )
    _common(gate, output="folder for gate.json and the pictures")

    config = add("config", _config, "check or explain an experiment, or write the schema or documentation")
    config.add_argument(
        "action",
        choices=["check", "explain", "entries", "schema", "docs"],
        help="check: find mistakes; explain: every value beside the official code's and the paper's; entries: labels and "
        "roles, as the option --entries of other commands takes them; schema, docs: of all settings",
    )
    config.add_argument("files", nargs="*", metavar="FILE", help=f"{EXPERIMENT} (config.yaml)")

    check = add("check", _check, "compare every file of the results with what its job recorded")
    check.add_argument("--results", metavar="DIR", default=LAYOUT.results, help="folder of the results (%(default)s)")
    check.add_argument("--repair", action="store_true", help="have the next run make damaged files again")

    plan = add("plan", _plan, "what a configuration will need: jobs, hours, gigabytes; nothing need be there yet")
    plan.add_argument("config", metavar="FILE", nargs="*", default=[DEFAULT], help=f"{EXPERIMENT} (config.yaml)")
    plan.add_argument(
        "--benchmarks", metavar="DIR", default=LAYOUT.benchmarks, help="times of earlier jobs (%(default)s)"
    )

    bench = add("bench", _bench, "speed beside reference procedures and floors, on this machine; needs a clone")
    bench.add_argument(
        "stage", nargs="*", metavar="STAGE", help="degrade concept purify detect score, or growth (all but it)"
    )
    bench.add_argument(
        "--pairs", type=int, default=5, help="how often ours and the reference are measured (%(default)s)"
    )
    bench.add_argument("--quick", action="store_true", help="the smallest sizes: whether it works, not how fast it is")
    bench.add_argument(
        "--output", metavar="FILE", help="Markdown file whose sections are replaced, docs/performance.md"
    )

    doctor = add("doctor", _doctor, "what this machine has, and what an experiment lacks here and where to get it")
    doctor.add_argument("config", metavar="FILE", nargs="*", default=[DEFAULT], help=f"{EXPERIMENT} (config.yaml)")
    return top


def _adder(commands):
    def add(name, run, text):
        command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        command.set_defaults(run=run)
        return command

    return add


def _common(
    command, output, settings=False, seed=False, data=False, images=False, model=False, entries=False, required=True
):
    """Options that several stages share, in one order."""
    if data:
        command.add_argument("--data", metavar="DIR", required=True, help="folder of the dataset")
    if images:
        command.add_argument("--images", metavar="DIR", required=True, help="folder whose images/ are read")
    command.add_argument("--output", metavar="PATH", required=required, help=output)
    if data:
        command.add_argument("--groups", metavar="A:B", default="0:100000", help="groups A to B - 1 (all)")
    if settings:
        command.add_argument("--settings", metavar="YAML", default="{}", help="settings, as inline YAML or JSON")
    if entries:
        command.add_argument(
            "--entries",
            metavar="YAML",
            default="{}",
            help="labels and roles, as `cosalpure config entries FILE` prints them (default: those of the methods)",
        )
    if model:
        command.add_argument("--text-to-image", metavar="YAML", default="{}", help="settings of the model")
    if seed:
        command.add_argument("--seed", type=int, default=2024, help="all randomness is derived from it (%(default)s)")
    command.add_argument("--threads", type=int, default=1, help="CPU threads; results hold for one number (1)")


def _limit_threads(threads):
    """Before torch is imported: more threads than asked for slow neighbours down and change rounding."""
    if threads is not None:
        for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ[variable] = str(threads)


def _settings(cls, text, where="--settings"):
    """Inline YAML -> a settings model."""
    from cosalpure.settings import parse

    return parse(cls, text, where)


def _entries(options):
    """--entries -> an `Entries`."""
    from cosalpure.settings import parse_entries

    return parse_entries(options.entries, "--entries")


def _experiment(files):
    """Experiment and variant files -> `Settings`."""
    from cosalpure.settings import load_files

    return load_files(files or [DEFAULT])


def _span(options):
    """The groups of --groups, cut to those that the dataset has."""
    from cosalpure.data import parse_span, read_manifest

    start, end = parse_span(options.groups)
    count = read_manifest(options.data).slug.nunique()
    return f"{start}:{max(start + 1, min(end, count))}"


def _data(options):
    from cosalpure.settings import COMMANDS, dataset_settings, inline

    if options.name in COMMANDS:
        return _published(options, "data", options.name, options.published)
    if options.published or not options.output:
        raise UserError(f"data {options.name}: say where to write it: --output {LAYOUT.stage('data', options.name)}")
    settings = dataset_settings(options.name, inline(options.settings, "--settings"), "--settings")
    from cosalpure.data.stage import run

    where = {"archives": options.folder, "sources": options.sources}
    run(options.name, settings, options.output, options.seed, options.threads, **where)


def _degrade(options):
    from cosalpure.settings import settings_class

    settings = _settings(settings_class("degradations", options.method), options.settings)
    span = _span(options)
    from cosalpure.degrade.stage import run

    run(options.method, settings, options.data, options.output, span, options.seed)


def _concept(options):
    from cosalpure.settings import ConceptLearning, TextToImage

    settings = _settings(ConceptLearning, options.settings)
    model = _settings(TextToImage, options.text_to_image, "--text-to-image")
    span = _span(options)
    from cosalpure.concept.stage import run

    run(settings, model, options.data, options.images, options.output, span, options.seed)


def _purify(options):
    from cosalpure.settings import TextToImage, settings_class

    settings = _settings(settings_class("purifiers", options.method), options.settings)
    model = _settings(TextToImage, options.text_to_image, "--text-to-image")
    span = _span(options)
    from cosalpure.purify.stage import run

    folders = (options.data, options.images, options.concepts, options.output)
    run(options.method, settings, model, *folders, span, options.seed)


def _purify_folder(options):
    its = _experiment(options.config)
    from cosalpure.purify_folder import purify_folder

    print(purify_folder(options.photos, options.out, its, options.purifier, options.detector))


def _detect(options):
    from cosalpure.settings import settings_class

    settings = _settings(settings_class("detectors", options.method), options.settings)
    span = _span(options)
    from cosalpure.detect.stage import run

    run(options.method, settings, options.data, options.images, options.output, span, options.average_with)


def _score(options):
    from cosalpure.settings import Score

    settings = _settings(Score, options.settings)
    from cosalpure.data import read_manifest
    from cosalpure.score import score_condition, write_scores

    condition = dict(zip(("dataset", "degradation", "purifier", "detector"), options.condition, strict=True))
    folders = (f"{options.maps}/maps", f"{options.images}/images", options.data)
    scores = score_condition(*folders, read_manifest(options.data), condition, **settings.model_dump())
    write_scores(scores, options.output)


def _tables(options):
    from cosalpure.settings import Statistics

    settings = _settings(Statistics, options.settings)
    from cosalpure.tables.stage import run

    run(options.scores, options.degradation, settings, options.output, options.seed, options.only, _entries(options))


def _complete(options):
    from cosalpure.tables.complete import run

    run(options.scores, options.output)


def _compare(options):
    from cosalpure.settings import Statistics

    settings = _settings(Statistics, options.settings)
    from cosalpure.tables.compare import run

    run(options.a, options.b, options.metric, options.split, settings, options.output, options.seed)


def _show(options):
    try:
        print(open(options.table, encoding="utf-8").read().rstrip())
    except FileNotFoundError:
        raise UserError(f"{options.table}: no such table yet; make it with: snakemake --cores all") from None


def _overview(options):
    from cosalpure.report.overview import draw

    draw(options.results, *options.condition, options.purifiers, options.output, _entries(options))


def _comparison(options):
    from cosalpure.report.comparison import draw_comparison

    what = (*options.condition, options.purifiers, options.detectors)
    draw_comparison(options.results, *what, options.output, _entries(options))


def _failures(options):
    from cosalpure.report.comparison import draw_failures

    what = (*options.condition, options.purifier, options.detectors)
    draw_failures(options.results, *what, options.output, _entries(options))


def _sweep(options):
    from cosalpure.settings import Statistics

    settings = _settings(Statistics, options.settings)
    from cosalpure.report.sweep import draw

    draw(options.scores, options.points, options.label, settings, options.output, options.seed, _entries(options))


def _page(options):
    from cosalpure.settings import Statistics

    settings, config = _settings(Statistics, options.settings), _configuration(options.configuration)
    from cosalpure.report.page import run

    run(options.results, config, settings, options.seed, options.benchmarks, options.output, _entries(options))


def _screenshot(options):
    from cosalpure.report.screenshot import take

    take(options.page, options.part, options.output)


def _configuration(text):
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UserError(f"--configuration: not JSON ({error})") from None
    if not isinstance(found, dict):
        raise UserError("--configuration: expected a JSON object, {...}")
    return found


def _previews(options):
    from cosalpure.settings import TextToImage

    model = _settings(TextToImage, options.text_to_image, "--text-to-image")
    from cosalpure.report.concepts import draw_previews

    folders = (options.data, options.images, options.clean_concepts, options.concepts)
    draw_previews(*folders, model, _span(options), options.output, options.seed)


def _attention(options):
    from cosalpure.settings import TextToImage

    model = _settings(TextToImage, options.text_to_image, "--text-to-image")
    from cosalpure.report.concepts import draw_attention

    folders = (options.data, options.images, options.concepts)
    draw_attention(*folders, model, _span(options), options.output, options.seed)


def _weights(options):
    _published(options, "weights", options.action, options.names)


def _published(options, kind, action, names):
    """List or fetch what config/sources.csv knows of one kind, "weights" or "data"."""
    from cosalpure import weights

    sources = weights.read_sources(options.sources, kind)
    if action == "list":
        print(weights.listing(sources, options.folder))
        return
    if not names:
        raise UserError(f"{kind} fetch: name one or more of {', '.join(sources)}")
    for source in [sources[choose(kind, name, list(sources))] for name in names]:
        print(weights.fetch(source, options.folder))


def _train(options):
    from cosalpure.experiment.files import read_files
    from cosalpure.settings import inline
    from cosalpure.train import run
    from cosalpure.train.compute import Compute

    workers = options.threads - 1 if options.workers is None else options.workers
    compute = Compute(options.device, options.precision, workers, options.minutes)
    values = read_files([options.settings_file] if options.settings_file else [])
    values |= inline(options.settings, "--settings")
    run(options.model, options.output, values, options.text_encoder, options.autoencoder, compute)


def _gate(options):
    from cosalpure.train.gate import gate

    gate(options.model, options.recogniser, options.output, concepts=options.concepts)


def _config(options):
    files = options.files or [DEFAULT]
    if options.action == "check":
        print(f"{', '.join(files)}: valid, {len(_experiment(files).expand())} conditions")
    elif options.action == "explain":
        from cosalpure.experiment.explain import run

        print(run(files))
    elif options.action == "entries":
        print(json.dumps(_experiment(files).entries().as_dict(), sort_keys=True, ensure_ascii=False))
    else:
        from cosalpure import settings_docs

        print({"schema": settings_docs.schema_text, "docs": settings_docs.docs_text}[options.action](), end="")


def _check(options):
    from cosalpure.check import report

    return report(options.results, options.repair)


def _plan(options):
    from cosalpure.plan import run

    return run(options.config, options.benchmarks)


def _bench(options):
    from cosalpure.bench import run

    return run(options.stage, options.pairs, options.quick, options.output)


def _doctor(options):
    from cosalpure.doctor import run

    return run(options.config)


if __name__ == "__main__":
    sys.exit(main())
