"""What a target needs, and nothing else: plans of dry runs, and weights that are fetched."""

from pathlib import Path

import pytest
import yaml
from file_server import FileServer

from cosalpure.weights import COLUMNS

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.workflow


def test_a_table_alone_needs_its_own_conditions_alone(workflow):
    plan = workflow.planned("table3")
    assert plan == workflow.planned("results/tables/table3.md") | {"table3": 1}
    assert (plan["build_table"], plan["purify_images"], plan["score_maps"]) == (1, 10, 15)  # no VAE round trip
    refused = workflow.run("--dry-run", "table4", check=False)
    (line,) = [line for line in refused.stdout.splitlines() if line.startswith("cosalpure: table4: ")]
    assert refused.returncode != 0 and "table1, " in line


def test_weights_that_a_configuration_names_are_fetched_and_never_removed(workflow):
    content = (ROOT / "cosalpure/assets/mini/weights/gicd.safetensors").read_bytes()
    row = "gicd-copy,weights,copy.safetensors,{}/copy.safetensors,4,,Apache-2.0,tests"
    with FileServer({"/copy.safetensors": content}) as server:
        table = "\n".join([",".join(COLUMNS), row.format(server.url)])
        (workflow.folder / "sources.csv").write_text(table + "\n")
        workflow.set(sources="sources.csv", detectors={"gicd": {"weights": "weights/copy.safetensors"}})
        assert workflow.planned("detect")["fetch_weights"] == 1
        workflow.run("weights/copy.safetensors")
        path = workflow.folder / "weights/copy.safetensors"
        assert path.read_bytes() == content
        other = content[:-1] + bytes([content[-1] ^ 1])  # put there by hand: other bytes than at the first download
        for by_hand, message in ((other, "copy.safetensors.sha256"), (b"a note", "unusable: text came instead")):
            path.write_bytes(by_hand)
            done = workflow.run("weights/copy.safetensors", "--forcerun", "fetch_weights", check=False)
            assert done.returncode != 0 and message in done.stdout, done.stdout
            assert path.read_bytes() == by_hand


def test_official_detectors_are_one_variant_away(workflow):
    workflow.set(**yaml.safe_load((ROOT / "config/variants/official-detectors.yaml").read_text()))
    planned = workflow.planned("score")
    assert planned["fetch_weights"] == 5 and planned["detect_cosaliency"] == 18


def test_a_purifier_waits_for_what_it_reads_and_nothing_else(workflow):
    changes = {
        "purifiers": {
            "wrong": {"like": "cosalpure", "concept": "next"},
            "empty": {"like": "cosalpure", "prompt": ""},
            "jpeg": {},
        },
        "detectors": {"gicd": {}},
    }
    for purifier, concepts in (("wrong", 2), ("empty", 0), ("jpeg", 0)):
        conditions = [{"degradations": ["jadena"], "purifiers": [purifier], "detectors": ["gicd"]}]
        workflow.set(**changes, conditions=conditions)
        plan = workflow.planned("purify")
        assert plan.get("learn_concepts", 0) == concepts and plan["purify_images"] == 2, purifier
