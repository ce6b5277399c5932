"""What settings of speed alone rerun: nothing. Finished shards keep their size."""

import pandas as pd
import pytest
from workflow.conftest import Workflow

STAGES = ("degrade", "concept", "purify", "detect")
SMALLER = {
    "datasets": {"mini": {"groups": 4, "images": 2}},
    "concept": {"steps": 2},
    "conditions": [{"degradations": ["jadena"], "purifiers": ["source_only", "cosalpure"], "detectors": ["gicd"]}],
}
PURIFIED = "results/purify/mini/jadena/cosalpure"

pytestmark = pytest.mark.workflow


def with_size(size, **changes):
    return SMALLER | {"groups_per_job": dict.fromkeys(STAGES, size)} | changes


@pytest.fixture(scope="module")
def in_pairs(tmp_path_factory, warm):
    """A finished run of two groups a job; tests may ask for dry runs but must leave its files alone."""
    workflow = Workflow(tmp_path_factory.mktemp("in_pairs"), warm)
    workflow.set(**with_size(2))
    workflow.run()
    return workflow


@pytest.mark.parametrize(
    "changes",
    [
        with_size(1),
        with_size(4),
        with_size(2, text_to_image={"gradient_checkpointing": True}, concept={"steps": 2, "checkpoint_every": 1}),
    ],
    ids=["smaller jobs", "larger jobs", "settings of speed"],
)
def test_settings_of_speed_alone_rerun_nothing(in_pairs, changes):
    in_pairs.set(**changes)
    assert in_pairs.planned() == {}
    if "text_to_image" in changes:  # and yet the command gets them
        printed = in_pairs.run("--dry-run", "--printshellcmds", "--forcerun", "learn_concepts").stdout
        assert '"gradient_checkpointing": true' in printed and '"checkpoint_every": 1' in printed


def test_a_batch_that_changes_rounding_reruns_what_loads_the_model(in_pairs):
    in_pairs.set(**with_size(4, text_to_image={"batch": 1}))
    plan = in_pairs.planned("purify")
    plan.pop("purify")
    assert plan == {"learn_concepts": 2, "purify_images": 2}, "at their old size"


def test_a_missing_shard_is_made_again_at_the_new_size_to_the_same_scores(in_pairs, workflow):
    workflow.take_over(in_pairs)
    workflow.set(**with_size(1))
    scores = workflow.folder / "results/score/mini/jadena/cosalpure/gicd.parquet"
    before = pd.read_parquet(scores)
    (workflow.folder / PURIFIED / "shards/0000-0002.parquet").unlink()
    plan = workflow.planned("score")
    assert plan == {"purify_images": 2, "detect_cosaliency": 1, "score_maps": 1, "score": 1}
    workflow.run("score")
    names = sorted(path.stem for path in (workflow.folder / PURIFIED / "shards").iterdir())
    assert names == ["0000-0001", "0001-0002", "0002-0004"]
    pd.testing.assert_frame_equal(pd.read_parquet(scores), before, check_exact=True)
    workflow.set(**with_size(4))
    assert workflow.planned("score") == {}


def test_another_number_of_groups_makes_the_dataset_anew(workflow):
    for groups in (2, 3):
        workflow.set(datasets={"mini": {"groups": groups, "images": 2}})
        workflow.run("data")
        assert len(list((workflow.folder / "results/data/mini/images").iterdir())) == groups
