"""The continuous representation's training: PGD is what it claims, pairs match, runs repeat and resume."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from cosalpure import networks, train
from cosalpure.cli import main
from cosalpure.data.mini import MiniWorld
from cosalpure.errors import UserError
from cosalpure.seeds import generator
from cosalpure.train import common, liif, pairs

ROOT = Path(__file__).resolve().parents[2]
PGD = SimpleNamespace(epsilon=16 / 255, attack_step=4 / 255, attack_steps=5)
SETTINGS = liif.LIIFSettings(
    scenes=1, portraits=1, channels=6, blocks=1, hidden=(8, 8), steps=4, batch=2, held_out=2, attack_steps=1,
    warmup=1, checkpoint_every=2, log_every=1,
)  # fmt: skip


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    """A tiny classifier of three classes with random weights."""
    path = tmp_path_factory.mktemp("classifier") / "tiny.safetensors"
    arch = {"width": 1 / 16, "classes": 3, "layers": [1, 1, 1, 1]}
    with common.seeded(0, "classifier"):
        networks.save_weights(path, networks.build("resneta50b", **arch), arch, "resneta50b")
    return path


@pytest.fixture
def few_concepts(monkeypatch):
    everything = MiniWorld.concepts
    monkeypatch.setattr(MiniWorld, "concepts", lambda self, split: everything(self, split)[:3])


@pytest.fixture
def settings(classifier):
    return replace(SETTINGS, classifier=str(classifier))


@pytest.fixture
def folder(tmp_path):
    """Seven small photographs of several sizes and kinds, in two class folders."""
    rng = np.random.default_rng(0)
    for number, size in enumerate([(40, 30), (33, 47), (64, 64), (20, 50), (90, 70), (36, 36), (50, 41)]):
        path = tmp_path / "pictures" / f"n{number % 2}" / f"{number}.{'png' if number % 3 else 'jpg'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(path)
    return tmp_path / "pictures"


def draws(n, seed=0):
    return [generator(seed, index) for index in range(n)]


@pytest.mark.slow
@pytest.mark.parametrize("labels", [[0, 1, 2, 0], [-1, -1, -1, -1]], ids=["labels", "own prediction"])
def test_pgd_stays_within_its_bound_and_raises_the_loss(classifier, images, labels):
    attacked_network, images = pairs.Classifier(classifier), images[:4]
    labels = torch.tensor(labels)
    attacked = pairs.pgd(images, labels, attacked_network, draws(4), PGD)
    assert (attacked - images).abs().max() <= PGD.epsilon + 1e-6 and 0 <= attacked.min() and attacked.max() <= 1
    labels = torch.where(labels < 0, attacked_network(images).argmax(1), labels)
    start = pairs.pgd(images, labels, attacked_network, draws(4), SimpleNamespace(**vars(PGD) | {"attack_steps": 0}))
    losses = [F.cross_entropy(attacked_network(x), labels, reduction="none") for x in (images, start, attacked)]
    assert (losses[2] > losses[0]).all() and (losses[2] > losses[1]).all()


@pytest.mark.slow
def test_pgd_does_not_depend_on_the_batch(classifier, images):
    attacked_network, labels = pairs.Classifier(classifier), torch.zeros(5, dtype=torch.long)
    together = pairs.pgd(images, labels, attacked_network, draws(5), PGD)
    alone = pairs.pgd(images[2:3], labels[2:3], attacked_network, [generator(0, 2)], PGD)
    torch.testing.assert_close(alone, together[2:3], atol=1e-6, rtol=0)


@pytest.mark.slow
def test_inputs_and_targets_show_the_same_place(few_concepts, settings, tmp_path):
    its = replace(settings, unattacked=1.0)
    learned, _ = liif.sources(its, pairs.Classifier(its.classifier))
    drawn = pairs.Pairs(learned, pairs.Classifier(its.classifier), tmp_path, its)
    inputs, targets = drawn.draw(generator(0, "pairs"), 4, 96)
    assert inputs.shape == (4, 3, 48, 48) and targets.shape == (4, 3, 96, 96)
    small = F.interpolate(targets, (48, 48), mode="bicubic", antialias=True).clamp(-1, 1)
    assert (small - inputs)[..., 4:-4, 4:-4].abs().max() < 0.02  # up to rounding
    attacked = pairs.Pairs(learned, None, tmp_path, replace(its, unattacked=0.0)).draw(generator(0, "pairs"), 4, 96)
    assert torch.equal(attacked[1], targets) and 0.01 < (attacked[0] - inputs).abs().max() <= 2 * 16.6 / 255


@pytest.mark.slow
def test_learned_and_held_out_concepts_are_train_and_dev(settings):
    its = replace(settings, target_side=64, portraits=0, held_out=24)
    learned, held_out = liif.sources(its, pairs.Classifier(its.classifier))
    assert (len(learned), len(held_out)) == (249, 24)
    assert held_out.labels.unique().tolist() == [-1]  # the classifier does not know them


def test_the_shipped_classifier_names_the_train_concepts():
    shipped = pairs.Classifier(liif.LIIFSettings().classifier)
    assert shipped.classes == 249 and shipped.concepts == MiniWorld().concepts("train")


@pytest.mark.parametrize("size", [(20, 24), (33, 50), (40, 48)])
def test_training_starts_as_bilinear_interpolation(size):
    network, _ = liif.start_network(SETTINGS)
    images = torch.rand(2, 3, 20, 24, generator=generator(0, "start")) * 2 - 1
    expected = F.interpolate(images, size, mode="bilinear")
    answers = network(images, size)
    if size == (20, 24):  # on the last row and column all areas of LIIF's ensemble are zero: it takes the plain mean
        answers, expected = answers[..., :-1, :-1], expected[..., :-1, :-1]
    torch.testing.assert_close(answers, expected, atol=1e-4, rtol=0)


def test_start_leaves_every_layer_a_gradient():
    network, _ = liif.start_network(replace(SETTINGS, hidden=(16, 16, 16)))
    images = torch.rand(2, 3, 12, 12, generator=generator(0, "start")) * 2 - 1
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(3):
        common.update((network(images, (12, 12)) - images.flip(-1)).abs().mean(), optimizer, [network])
    unused = ("encoder.sub_mean", "encoder.add_mean")
    for name, parameter in network.named_parameters():
        if not name.startswith(unused):
            assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


@pytest.mark.slow
def test_resumed_training_is_the_training_never_stopped(few_concepts, settings, tmp_path, interrupted):
    result = liif.train_liif(tmp_path / "whole.safetensors", settings)
    assert set(result["held_out_psnr"]) >= {"attacked_before", "attacked_after", "clean_after"}
    with interrupted(common, "update"):
        liif.train_liif(tmp_path / "halves.safetensors", settings)
    liif.train_liif(tmp_path / "halves.safetensors", settings)
    assert (tmp_path / "whole.safetensors").read_bytes() == (tmp_path / "halves.safetensors").read_bytes()
    steps = [json.loads(line)["step"] for line in (tmp_path / "halves" / "dev.jsonl").read_text().splitlines()]
    assert steps == [2, 4]


@pytest.mark.slow
def test_a_folder_of_pictures_is_learned_from(folder, settings, tmp_path):
    # 224 to 768 px in small: 14 to 48, crops of 7 px; the two class folders are not the classifier's three classes
    its = replace(settings, images=str(folder), side=14, target_side=48, crop=7, full_size=1.0, same_size=0.0)
    learned, held_out = liif.sources(its, pairs.Classifier(its.classifier))
    assert (len(learned), len(held_out)) == (5, 2)
    names = [{source.source.paths[index] for index in source.indices} for source in (learned, held_out)]
    assert len(names[0] | names[1]) == 7 and set(learned.labels.tolist()) == {-1}
    train.run("liif", tmp_path / "liif.safetensors", {key: value for key, value in vars(its).items()})
    assert networks.load("liif", tmp_path / "liif.safetensors")(torch.zeros(1, 3, 14, 14), (48, 48)).shape[-1] == 48


def test_class_folders_are_labels_if_they_are_the_classifiers(folder):
    source = pairs.Folder(folder, 16, SimpleNamespace(classes=2))
    assert source.labels.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert source.read([0, 5]).shape == (2, 3, 16, 16)
    plain = pairs.Folder(folder / "n0", 16, SimpleNamespace(classes=4))  # four images, no class folders
    assert len(plain) == 4 and set(plain.labels.tolist()) == {-1}


def test_a_folder_gives_the_central_square_of_each_image(tmp_path):
    pixels = np.zeros((10, 30, 3), np.uint8)
    pixels[:, 10:20] = 200
    for name in ("wide.png", "wider.PNG"):
        Image.fromarray(pixels).save(tmp_path / name)
    (tmp_path / "._wide.png").write_bytes(b"what a file system left")
    source = pairs.Folder(tmp_path, 10, SimpleNamespace(classes=2))
    assert len(source) == 2 and (source.read([0]) == 200).all()


def test_an_unreadable_image_of_a_folder_is_named(tmp_path):
    with pytest.raises(UserError, match="0 image.s. there; expected two or more that end with .bmp, .jpeg"):
        pairs.Folder(tmp_path, 10, None)
    for name in ("bad.jpg", "other.jpg"):
        (tmp_path / name).write_bytes(b"no picture")
    with pytest.raises(UserError, match="bad.jpg: not a readable image"):
        pairs.Folder(tmp_path, 10, SimpleNamespace(classes=2)).read([0])


def test_output_sides_are_those_asked_for():
    its = liif.LIIFSettings(same_size=0.5, full_size=0.25)
    sides = [liif.output_side(generator(0, "side", number), its) for number in range(400)]
    assert min(sides) == 48 and max(sides) == 96
    assert 0.45 < sum(side == 48 for side in sides) / 400 < 0.57 and 0.2 < sum(side == 96 for side in sides) / 400 < 0.3
    assert {liif.output_side(generator(0, number), replace(its, same_size=0, full_size=1)) for number in range(9)} == {
        96
    }


@pytest.mark.slow
def test_training_goes_on_from_given_weights(few_concepts, settings, tmp_path):
    liif.train_liif(tmp_path / "first.safetensors", settings)
    its = replace(settings, start=str(tmp_path / "first.safetensors"), channels=99)  # the file's architecture counts
    network, arch = liif.start_network(its)
    assert arch["channels"] == 6 and all(p.requires_grad for p in network.imnet.parameters())


MISTAKES = {
    "no folder": ({"images": "nowhere"}, "nowhere: no such folder"),
    "crop between target pixels": ({"side": 224, "target_side": 768}, "crop: 48 of 224 px .* multiple of 7"),
    "crop too large": ({"crop": 65}, "up to 64"),
}


@pytest.mark.slow
@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_one_line(mistake, settings, few_concepts, tmp_path):
    changes, expected = MISTAKES[mistake]
    with pytest.raises(UserError, match=expected) as caught:
        liif.train_liif(tmp_path / "liif.safetensors", replace(settings, **changes))
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_attacks_of_other_settings_are_refused(few_concepts, settings, tmp_path):
    liif.train_liif(tmp_path / "liif.safetensors", settings)
    with pytest.raises(UserError, match="attacked.npy: made with other settings; delete it"):
        liif.train_liif(tmp_path / "liif.safetensors", replace(settings, epsilon=0.1))


@pytest.mark.slow
def test_settings_come_from_a_file_and_from_the_command_line(folder, settings, tmp_path, capsys):
    its = {"images": str(folder), "classifier": settings.classifier, "crop": 32, "steps": 1, "attack_steps": 1}
    (tmp_path / "my.yaml").write_text(json.dumps(its | {"channels": 5, "blocks": 1, "hidden": [8], "held_out": 1}))
    command = ["train", "liif", "--output", str(tmp_path / "liif.safetensors"), "--settings-file"]
    assert main([*command, str(tmp_path / "my.yaml"), "--settings", "{channels: 4}"]) == 0
    assert json.loads(networks.read_header(tmp_path / "liif.safetensors")["arch"])["channels"] == 4
    (tmp_path / "my.yaml").write_text("{chanels: 5}")
    assert main([*command, str(tmp_path / "my.yaml")]) == 1
    assert "unknown key 'chanels' (did you mean 'channels'?)" in capsys.readouterr().err


def test_the_papers_settings_are_settings():
    from cosalpure.experiment.files import read_files

    its = train.updated(liif.LIIFSettings(), read_files([ROOT / "config/train/liif-imagenet.yaml"]))
    assert its.epsilon == 16 / 255 and its.steps * its.batch == 10 * 50_000
    with torch.device("meta"):
        ours, official = liif.start_network(its)[0], networks.build("liif")
    assert {k: v.shape for k, v in ours.state_dict().items()} == {k: v.shape for k, v in official.state_dict().items()}
