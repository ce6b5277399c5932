"""The rehearsal: the paper configuration from download to report, on synthetic files for everything that is published.

    python tests/rehearsal.py FOLDER

makes the synthetic files in FOLDER/published, serves them from 127.0.0.1, runs the real workflow in FOLDER with
config/variants/rehearsal.yaml over config/paper.yaml, and checks what came out. Called again, it goes on where it stopped.
docs/project/rehearsal.md says what is real and what is not. So only the downloads differ from the paper's experiment, and sizes.
"""

import csv
import os
import re
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from file_server import FileServer, hub  # noqa: E402

from cosalpure import weights  # noqa: E402
from cosalpure.experiment.parse import load_files  # noqa: E402
from cosalpure.io import whole_file, whole_folder  # noqa: E402

CONFIGURATION = ("config/paper.yaml", "config/variants/rehearsal.yaml")
FIGURES = "results/report/figures"
TARGETS = (  # the default ones, and of the target concepts_shown one figure a kind
    "all",
    f"{FIGURES}/concepts_CoCA_jadena_none.png",
    f"{FIGURES}/attention_CoCA_jadena_cosalpure.png",
)
TABLES = ("table1", "table2", "table3", "table4")
CORES = 2
SETS = {  # each in another published layout: folder of images, folder of ground truth, {group: images}
    "cosal2015": ("Cosal2015/Image/{}", "Cosal2015/GroundTruth/{}", {"aeroplane": 2, "axe": 2}),
    "icoseg": ("img/{}", "gt/{}", {"001 Alaskan Bear": 2}),
    "cosod3k": ("images/CoSOD3k/{}", "gts/CoSOD3k/{}", {"n01443537": 2}),
    "coca": ("CoCA/image/{}", "CoCA/binary/{}", {"Accordion": 2}),
}
IMAGENET = {"n00000001": ("goat", 2), "n00000002": ("trumpet", 2)}  # class folder: concept, images


def main(folder):
    """All of it; the exit status."""
    start, folder, sources = time.monotonic(), Path(folder).resolve(), used_sources()

    def say(text):
        print(f"{time.monotonic() - start:5.0f} s  {text}", flush=True)

    # 1. What the net would have, and the folder of a user: the workflow, ImageNet's pictures.
    for source in sources.values():
        made, path = make(source, folder / "published"), source.path(folder / "published")
        say(f"{'made' if made else 'have'} {path.name}, {megabytes(path):,.0f} MB")
    make_imagenet(folder / "data/imagenet-50")
    for name in ("config", "Snakefile"):
        if not (folder / name).exists():
            (folder / name).symlink_to(ROOT / name)

    # 2. The table of sources, and the workflow as a user starts it.
    with FileServer({}) as server:
        write_table(folder / Path(settings_of().sources).name, sources, folder / "published", server)
        say("the workflow, a line a rule that is through")
        status, jobs = run_workflow(folder, server.url, say)
    if status:
        say(f"the workflow failed: {folder / 'rehearsal.log'}")
        return status

    # 3. What came out.
    images = check(folder / "results")
    say(f"report and tables 1 to 4 are there, {images} images have a score in every condition; {jobs} jobs")
    return 0


def settings_of():
    """The rehearsal's whole configuration."""
    return load_files([ROOT / name for name in CONFIGURATION])


def used_sources():
    """{name: Source} of cosalpure/assets/sources.csv that the rehearsal fetches; EDSR-LIIF, which paper.yaml does not, is none."""
    found = weights.read_sources() | weights.read_sources(kind="data")
    return {name: source for name, source in found.items() if name != "liif-edsr"}


def make(source, published):
    """Make the synthetic file of a row of the table in `published`, unless it is there; say whether it was made."""
    path = source.path(published)
    if path.exists():
        return False
    os.environ["TQDM_DISABLE"] = "1"  # a line a step is enough
    import stubs

    if source.file.endswith("/"):
        with whole_folder(path) as temporary:
            stubs.stable_diffusion_2(temporary)
        return True
    with whole_file(path) as temporary:
        if source.kind == "data":
            images, truths, groups = SETS[source.name]
            stubs.data_archive(temporary, images, truths, groups, seed=10 * list(SETS).index(source.name))
        else:
            stubs.checkpoint(temporary, source.name, zipped=path.suffix == ".zip")
    return True


def make_imagenet(folder):
    """A folder of class folders with a few pictures, where config/train/liif-rehearsal.yaml looks for ImageNet's."""
    if folder.exists():
        return
    import stubs

    with whole_folder(folder) as temporary:
        for name, (concept, count) in IMAGENET.items():
            (temporary / name).mkdir()
            for index, (image, _) in enumerate(stubs.pictures(concept, count, seed=1)):
                image.save(temporary / name / f"{name}_{index}.JPEG", quality=95)


def write_table(path, sources, published, server):
    """The table of sources: names and files of cosalpure/assets/sources.csv, addresses of `server`, sizes and hashes of the files.

    Stable Diffusion 2 keeps its address, for the server plays the hub, too.
    """
    rows = []
    for source in sources.values():
        origin = source.path(published)
        if origin.is_dir():
            files = {str(file.relative_to(origin)): file for file in origin.rglob("*") if file.is_file()}
            repository = source.sources[0].removeprefix("hf:")
            server.files |= hub(server, repository, files)
            addresses = source.sources[:1]
        else:
            server.files[f"/{source.file}"] = origin
            addresses = (f"{server.url}/{source.file}",)
        sha256 = weights.sha256_lines(origin)[:64]
        rows.append(replace(source, sources=" ".join(addresses), megabytes=megabytes(origin), sha256=sha256))
    with whole_file(path) as temporary, temporary.open("w", newline="") as file:
        table = csv.DictWriter(file, weights.COLUMNS)
        table.writeheader()
        table.writerows(map(asdict, rows))


def megabytes(path):
    """Size of a file, or of all files of a folder."""
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    return round(sum(file.stat().st_size for file in files) / 1e6, 3)


def run_workflow(folder, endpoint, say):
    """(exit status, jobs done) of Snakemake in `folder`: a line a rule that is through, all it says in rehearsal.log."""
    command = [sys.executable, "-m", "snakemake", *TARGETS, "--snakefile", ROOT / "Snakefile", "--directory", folder]
    command += ["--cores", CORES, "--workflow-profile", ROOT / "profiles/default", "--configfile", *CONFIGURATION]
    online = {name: value for name, value in os.environ.items() if name not in weights.OFFLINE}
    python_path = os.pathsep.join(filter(None, [str(ROOT), online.get("PYTHONPATH")]))
    environment = online | {"HF_ENDPOINT": endpoint, "HF_HOME": str(folder / "hub"), "PYTHONPATH": python_path}
    planned, done = {}, Counter()
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "env": environment, "cwd": folder}
    with (folder / "rehearsal.log").open("w") as log, subprocess.Popen(list(map(str, command)), **options) as run:
        for line in run.stdout:
            log.write(line)
            log.flush()
            if row := re.fullmatch(r"(\w+) +(\d+)\n", line):  # of the table of planned jobs
                planned.setdefault(row[1], int(row[2]))
            if finished := re.search(r"Finished jobid: \d+ \(Rule: (\w+)\)", line):
                rule = finished[1]
                done[rule] += 1
                if done[rule] == planned.get(rule):
                    say(f"{rule}: {done[rule]} done, {done.total()} of {planned['total']} jobs")
    return run.returncode, done.total()


def check(results):
    """The number of images that have a score in every condition; an AssertionError if anything is missing."""
    import pandas as pd

    figures = [Path(target).relative_to("results") for target in TARGETS if target.startswith("results")]
    for path in ("report/report.html", "tables/complete.txt", *figures):
        assert (results / path).stat().st_size, path
    for name in TABLES:
        assert all((results / f"tables/{name}.{kind}").stat().st_size for kind in ("csv", "md", "tex")), name
        table = pd.read_parquet(results / f"tables/{name}.parquet")
        reported = pd.read_csv(ROOT / "cosalpure/tables/paper_tables.csv", dtype={"table": str})
        expected = (reported["table"] == name.removeprefix("table")).sum()
        assert table.paper.notna().sum() == expected, f"{name}: not every published value stands beside its row"
        assert table.value[table.paper.notna()].notna().all(), f"{name}: a row with a published value has none of ours"
    scores = pd.read_parquet(results / "tables/scores.parquet")
    assert (scores.status == "done").all() and scores[["iou", "ap", "f_beta", "mae"]].notna().all(axis=None)
    counts = {name: sum(groups.values()) for name, (_, _, groups) in SETS.items()}
    found = scores.groupby(["dataset", "degradation", "purifier", "detector"]).size().to_dict()
    assert found == {condition: counts[condition[0].lower()] for condition in settings_of().conditions}
    return sum(counts.values())


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
