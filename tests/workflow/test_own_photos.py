"""Folders of one's own through the real workflow: names nobody would choose, and photos without ground truth."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skimage
from PIL import Image

pytestmark = pytest.mark.workflow

HOSTILE = (  # labels of groups
    "alarm clock",
    "-rf",
    "--output=x",
    "a'b\"c",
    "$(touch hacked)",
    "`touch hacked`; touch hacked",
    "<script>alert(1)<⁄script>",  # with a fraction slash, as a folder's name has no other
    "*?[a]{x}",
    "日本の猫",
    "crème brûlée",
    "crème-brulee",  # the slug of its neighbour
    "two\nlines",
)


def scene(folder, names, seed, truth=None):
    """Pictures of a bright square on noise, and with `truth`, a folder, their masks."""
    rng = np.random.default_rng(seed)
    for name in names:
        pixels, mask = rng.integers(0, 120, (48, 64, 3), dtype=np.uint8), np.zeros((48, 64), np.uint8)
        y, x = rng.integers(4, 20), rng.integers(4, 30)
        pixels[y : y + 20, x : x + 20], mask[y : y + 20, x : x + 20] = (250, 200, 40), 255
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{name}.jpg")
        if truth:
            truth.mkdir(parents=True, exist_ok=True)
            Image.fromarray(mask).save(truth / f"{name}.png")


def test_hostile_names_go_through_and_come_out_as_they_were(workflow):
    for seed, label in enumerate(HOSTILE):
        names = ("one", "$(touch hacked) two")
        scene(workflow.folder / "photos/Image" / label, names, seed, workflow.folder / "photos/GroundTruth" / label)
    workflow.set(
        datasets={"mine": {"path": "photos", "size": 64}},
        conditions=[
            {"datasets": ["mine"], "degradations": ["none"], "purifiers": ["source_only"], "detectors": ["gicd"]},
            {
                "datasets": ["mine"],
                "degradations": ["jadena"],
                "purifiers": ["source_only", "cosalpure"],
                "detectors": ["gicd"],
            },
        ],
        groups_per_job={"degrade": 12, "concept": 12, "purify": 12, "detect": 12},
    )
    workflow.run()
    scores = workflow.scores()
    assert set(scores.group) == set(HOSTILE) and (scores.status == "done").all()
    assert scores.slug.nunique() == len(HOSTILE) and scores.slug.str.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*").all()
    assert not list(workflow.folder.rglob("hacked")), "nothing was run"
    assert {"table2.md", "differences.csv"} <= {path.name for path in (workflow.folder / "results/tables").iterdir()}
    assert (workflow.folder / "results/report/figures/overview_mine_jadena_gicd.png").exists()
    manifest = pd.read_parquet(workflow.folder / "results/data/mine/manifest.parquet")
    assert set(manifest.original) == {"one.jpg", "$(touch hacked) two.jpg"}


def test_photos_without_ground_truth_are_purified_and_shown_not_scored(workflow):
    bundled = Path(skimage.__file__).parent / "data"
    for group, names in {"faces": ("astronaut.png", "chelsea.png"), "still lifes": ("coffee.png", "coins.png")}.items():
        (workflow.folder / "photos" / group).mkdir(parents=True)
        for name in names:
            (workflow.folder / "photos" / group / name).write_bytes((bundled / name).read_bytes())
    workflow.set(
        datasets={"mine": {"path": "photos", "size": 64}},
        conditions=[
            {"datasets": ["mine"], "degradations": ["none"], "purifiers": ["cosalpure"], "detectors": ["gicd"]}
        ],
    )
    workflow.run()
    results = workflow.folder / "results"
    assert (results / "report/figures/overview_mine_none_gicd.png").exists()
    assert len(list(results.glob("detect/mine/none/cosalpure/gicd/maps/*/*.png"))) == 4
    assert not (results / "score").exists() and not (results / "tables").exists()
    assert workflow.planned() == {}

    (workflow.folder / "photos/faces/camera.png").write_bytes((bundled / "camera.png").read_bytes())
    anew = {"make_dataset", "degrade_images", "learn_concepts", "purify_images", "detect_cosaliency", "draw_overview"}
    assert anew <= set(workflow.planned())
