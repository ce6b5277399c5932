"""The run at full size (tests/full_size.py): its tokenizer, its settings, and its phases on a tiny model."""

import json

import full_size
import full_size_model
import full_size_speed
import pytest
import torch

from cosalpure.concept.settings import ConceptFigures
from cosalpure.errors import UserError

MERGES = ["g o", "a t</w>", "go at</w>"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_pipeline, tiny_liif):
    """A folder of the run with a tiny model and LIIF in place of the full-size ones."""
    folder = tmp_path_factory.mktemp("full-size")
    (folder / "model").symlink_to(tiny_pipeline)
    (folder / "liif.safetensors").symlink_to(tiny_liif)
    full_size.prepare(folder)
    return folder


@pytest.fixture
def its(folder):
    return full_size.paper_settings(folder, steps=2, resolution=32) | {"previews": ConceptFigures(steps=2)}


@pytest.mark.slow
def test_the_settings_are_those_of_the_papers_experiment(folder):
    its = full_size.paper_settings(folder, steps=3)
    assert (its["model"].resolution, its["model"].dtype) == (768, "auto")
    assert (its["concept"].batch, its["concept"].learning_rate, its["concept"].steps) == (4, 2e-3, 3)
    purifier = its["purifier"]
    assert (purifier.timestep, purifier.steps, purifier.guidance_scale, purifier.resolution) == (250, 50, 7.5, 768)
    assert (purifier.sampler, purifier.continuous) == ("dpmsolver++", str(folder / "liif.safetensors"))


def test_the_tokenizers_files_are_read_as_clips(tmp_path):
    from transformers import CLIPTokenizer

    full_size_model.write_tokenizer(tmp_path / "tokenizer", MERGES)
    tokenizer = CLIPTokenizer.from_pretrained(tmp_path / "tokenizer")
    assert len(tokenizer) == 512 + len(MERGES) + 2
    assert tokenizer("goat a", add_special_tokens=False).input_ids == [512 + 2, 256 + ord("a") - ord("!")]
    assert (tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id) == (0, 515, 516)
    assert tokenizer.model_max_length == 77


def test_the_real_vocabulary_gives_clips_ids(tmp_path):
    """Ids of "a photo of a cat" as the documentation of CLIP in transformers shows them."""
    from transformers import CLIPTokenizer

    try:
        merges = full_size_model.vocabulary()
    except UserError:
        pytest.skip("open_clip_torch is not installed (make extras)")
    full_size_model.write_tokenizer(tmp_path / "tokenizer", merges)
    tokenizer = CLIPTokenizer.from_pretrained(tmp_path / "tokenizer")
    assert len(tokenizer) == 49408
    assert tokenizer("a photo of a cat").input_ids == [49406, 320, 1125, 539, 320, 2368, 49407]


def test_a_missing_vocabulary_is_one_line(monkeypatch):
    monkeypatch.setattr(full_size_model.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UserError, match="open_clip_torch is missing: make extras"):
        full_size_model.vocabulary()


@pytest.mark.slow
def test_every_phase_runs_on_a_tiny_model(folder, its):
    rows = [full_size.run_phase(name, folder, its) for name in full_size.PHASES]
    assert [row["phase"] for row in rows] == [phase.__doc__ for phase in full_size.PHASES.values()]
    assert all(0.1 < row["peak GB"] < 30 for row in rows), "of this process, in GB"
    (concept,) = folder.glob("concept/groups/goat/learned_embeds.safetensors")
    learned = rows[list(full_size.PHASES).index("learn")]
    assert learned["note"] == f"2 steps of batch 4; the concept has {concept.stat().st_size} bytes"
    assert len(list(folder.glob("purified/images/goat/*.png"))) == 1
    assert (folder / "attention.png").stat().st_size and (folder / "previews.png").stat().st_size


@pytest.mark.slow
def test_a_gpus_measurement_runs_on_a_tiny_model(folder, its):
    row = full_size_speed.measure_variant("channels_last-2", folder, its, steps=1)
    assert (row["variant"], row["batch"]) == ("channels_last", 2)
    assert 0.1 < row["learning, peak GB"] <= row["purification, peak GB"] < 30, "of this process so far, in GB"


def test_a_gpus_measurement_without_a_gpu_is_one_line(folder, its, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    options = full_size.parse([str(folder), "--device", "cuda", "--only", "plain-1"])
    with pytest.raises(UserError, match="--device cuda: torch finds no GPU here"):
        full_size.run_one(options, folder, its)


def test_the_table_has_the_rows_of_earlier_calls_in_order(tmp_path):
    (tmp_path / "measured").mkdir()
    for name in ("purify", "load"):
        (tmp_path / f"measured/{name}.json").write_text(json.dumps({"phase": name, "seconds": 1}))
    text = full_size.table(full_size.measured(tmp_path, full_size.PHASES))
    assert text.splitlines() == ["| phase | seconds |", "| --- | --- |", "| load | 1 |", "| purify | 1 |"]
