"""The trainings of detector and surrogate: reproducible, resumable, and their parts do what they say."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from cosalpure import detect, networks, train
from cosalpure.data.mini import MiniWorld
from cosalpure.errors import UserError
from cosalpure.seeds import generator
from cosalpure.train import co_saliency, gcagc, gconet_plus, group_affinity, mccl, poolnet, scenes, surrogate
from cosalpure.train import gicd as training


def random(name="test"):
    return generator(0, name)


@pytest.fixture(scope="module")
def pool():
    world = MiniWorld()
    return scenes.ScenePool(world, world.concepts("train")[:3], 4, 1, seed=0)


def test_pool_holds_only_what_it_was_given(pool):
    images, masks, labels = pool.draw(random(), 16)
    assert images.shape == (16, 3, 64, 64) and 0 <= images.min() and images.max() <= 1
    assert set(masks.unique().tolist()) == {0.0, 1.0} and set(labels.tolist()) <= {0, 1, 2}


def test_groups_show_different_scenes_of_one_concept(pool):
    images, masks = pool.draw_group(random(), 4)
    assert len({image.sum().item() for image in images}) == 4 and masks.shape == (4, 1, 64, 64)


def test_augmentation_keeps_ranges_and_is_reproducible(pool):
    images, masks, _ = pool.draw(random(), 8)
    ours, shapes = scenes.augment(images, masks, random("a"))
    again, _ = scenes.augment(images, masks, random("a"))
    assert torch.equal(ours, again) and 0 <= ours.min() and ours.max() <= 1
    assert set(shapes.unique().tolist()) == {0.0, 1.0}


def test_close_windows_show_the_object(pool):
    images, masks, _ = pool.draw(random(), 16)
    far, near = (scenes.augment(images, masks, random("a"), closest)[1].mean() for closest in (1.0, 0.5))
    assert near > 1.3 * far


def test_fading_keeps_the_object_and_greys_the_rest(pool):
    images, masks, _ = pool.draw(random(), 4)
    faded = scenes.fade_surroundings(images, masks, 1.0)
    assert torch.equal(faded * masks, images * masks)
    assert torch.equal(faded * (1 - masks), 0.5 * (1 - masks).expand_as(faded))


def test_mask_follows_its_image_through_the_zoom():
    square = torch.zeros(1, 1, 64, 64)
    square[..., 20:30, 40:50] = 1
    scale, shift, mirror = torch.tensor([[0.9]]), torch.tensor([[0.05, 0.1]]), torch.tensor([[-1.0]])
    image, mask = scenes.zoom(square, square, scale, shift, mirror)
    assert ((image >= 0.5).float() - mask).abs().max() == 0 and mask.sum() > 90


def test_rivals_are_pasted_on_top_and_never_hide_the_object():
    images, masks = torch.zeros(2, 3, 8, 8), torch.zeros(2, 1, 8, 8)
    others, other_masks = torch.ones(2, 3, 8, 8), torch.zeros(2, 1, 8, 8)
    masks[..., :4] = 1
    other_masks[0, ..., 3:6] = 1  # covers a quarter and more: refused
    other_masks[1, ..., 4:6] = 1
    pasted, left = scenes.add_rivals(images, masks, others, other_masks, random(), share=1.0)
    assert pasted[0].max() == 0 and torch.equal(pasted[1, :1], other_masks[1]) and torch.equal(left, masks)


@pytest.mark.slow
def test_folded_batch_norm_computes_the_same():
    vgg = networks.build("gicd", width=1 / 16, classes=5, classifier_width=8, pool=1, channels=4).co_classifier
    twin = training.with_batch_norm(vgg)
    for _ in range(3):
        twin.train()(torch.randn(4, 3, 32, 32))
    training.fold_batch_norm(twin, vgg)
    assert not any(isinstance(module, torch.nn.modules.batchnorm._BatchNorm) for module in vgg.modules())
    images = torch.randn(2, 3, 32, 32)
    assert torch.allclose(twin.eval()(images), vgg.eval()(images), atol=1e-5)


def test_soft_iou_loss_is_zero_for_a_perfect_map():
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., 2:5] = 1
    assert co_saliency.soft_iou_loss(mask, mask) == 0 and co_saliency.soft_iou_loss(1 - mask, mask) == 1


SURROGATE = surrogate.SurrogateSettings(
    steps=4, batch=4, width=1 / 16, scenes=2, portraits=1, checkpoint_every=2, log_every=1
)
GICD = training.GICDSettings(
    width=1 / 16, channels=4, classifier_width=16, pool=1, input_size=32, scenes=4, portraits=1, dev_group=1,
    classifier=training.ClassifierSettings(steps=2, batch=4, small_side=32, checkpoint_every=2, log_every=1),
    ginet=training.GINetSettings(rounds=(1, 1), groups=1, group_sizes=(2, 3), checkpoint_every=2, log_every=1),
)  # fmt: skip


@pytest.fixture
def few_concepts(monkeypatch):
    everything = MiniWorld.concepts
    monkeypatch.setattr(MiniWorld, "concepts", lambda self, split: everything(self, split)[:4])


@pytest.mark.slow
def test_surrogate_resumed_is_the_surrogate_never_stopped(tmp_path, few_concepts, monkeypatch):
    surrogate.train_surrogate(tmp_path / "whole.safetensors", SURROGATE)
    real, calls = scenes.ScenePool.draw, []

    def interrupted(self, *arguments):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(scenes.ScenePool, "draw", interrupted)
        with pytest.raises(KeyboardInterrupt):
            surrogate.train_surrogate(tmp_path / "halves.safetensors", SURROGATE)
    surrogate.train_surrogate(tmp_path / "halves.safetensors", SURROGATE)
    assert (tmp_path / "whole.safetensors").read_bytes() == (tmp_path / "halves.safetensors").read_bytes()


@pytest.mark.slow
def test_gicd_training_writes_a_detector(tmp_path, few_concepts):
    path = tmp_path / "gicd.safetensors"
    result = training.train_gicd(path, GICD)
    assert 0 <= result["dev_success"] <= 1 and len(result["concepts"]) == 4
    maps = detect.create("gicd", weights=str(path))(torch.rand(3, 3, 64, 64))
    assert maps.shape == (3, 1, 64, 64)
    other = tmp_path / "again.safetensors"
    training.train_gicd(other, replace(GICD))
    assert path.read_bytes() == other.read_bytes()


@pytest.mark.slow
def test_inserted_batch_norms_are_folded_into_the_same_function():
    arch = {"width": 1 / 16, "channels": 4, "classes": 5, "classifier_width": 8, "pool": 1, "input_size": 32}
    with training.common.seeded(0, "fold"):
        network = networks.build("gicd", **arch).eval()
        twin = training.with_batch_norm(network.co_classifier).eval()
    training.fold_batch_norm(twin, network.co_classifier)
    network.ginet.backbone.load_classifier(network.co_classifier)
    images = torch.rand(3, 3, 32, 32, generator=random())
    before = network.ginet.backbone(images)[-1]
    keys = set(network.state_dict())

    training.insert_batch_norm(network.ginet, twin)
    torch.testing.assert_close(network.eval().ginet.backbone(images)[-1], before)  # the backbone's norms are the twin's
    network.ginet.train()
    network(images)  # moves the running statistics
    expected = network.eval()(images)[-1]
    training.fold_inserted(network.ginet)
    torch.testing.assert_close(network(images)[-1], expected)
    assert set(network.state_dict()) == keys


SMALL = dict(scenes=4, portraits=1, dev_group=1, rounds=(2, 1), checkpoint_every=1, log_every=1)
GCAGC = gcagc.GCAGCSettings(
    width=1 / 16, blocks=1, input_size=64, groups=2, group_sizes=(2, 3), saliency_images=1, **SMALL
)
POOLNET = poolnet.PoolNetSettings(width=1 / 16, layers=(1, 1, 1, 1), batch=2, **SMALL)
GCONET_PLUS = gconet_plus.GCoNetPlusSettings(
    width=1 / 16, input_size=64, groups=2, group_sizes=(2, 3), pictures=2, **SMALL
)
MCCL = mccl.MCCLSettings(
    width=1 / 16, depths=(1, 1, 1, 1), input_size=64, groups=2, group_sizes=(2, 3), pictures=2, **SMALL
)
TRAININGS = {
    "gcagc": (gcagc, "train_gcagc", GCAGC),
    "poolnet": (poolnet, "train_poolnet", POOLNET),
    "gconet_plus": (gconet_plus, "train_gconet_plus", GCONET_PLUS),
    "mccl": (mccl, "train_mccl", MCCL),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAININGS)
def test_training_in_rounds_resumed_is_the_training_never_stopped(name, tmp_path, few_concepts, monkeypatch):
    module, function, settings = TRAININGS[name]
    train = getattr(module, function)
    result = train(tmp_path / "whole.safetensors", settings)
    assert 0 <= result["dev_success"] <= 1 and len(result["concepts"]) == 4
    real, calls = co_saliency.common.update, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 3:  # in the second round
            raise KeyboardInterrupt
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(co_saliency.common, "update", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "halves.safetensors", settings)
    train(tmp_path / "halves.safetensors", settings)
    assert (tmp_path / "whole.safetensors").read_bytes() == (tmp_path / "halves.safetensors").read_bytes()
    assert detect.create(name, weights=str(tmp_path / "whole.safetensors"))(torch.rand(3, 3, 64, 64)).shape == (
        3,
        1,
        64,
        64,
    )


@pytest.mark.slow
def test_training_moves_both_heads_of_gcagc(pool):
    with co_saliency.common.seeded(0, "heads"):
        network = networks.build("gcagc", width=1 / 16, modules=(1, 1, 1), blocks=1, input_size=64)
    groups = co_saliency.draw_groups(pool, random(), GCAGC)
    losses = gcagc.group_losses(network, gcagc.batch_of(groups, GCAGC), GCAGC)
    sum(losses.values()).backward()
    assert set(losses) == {"cosaliency", "saliency"}
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in (network.decodersal.features[0].weight,
               network.cosalnet.decoder.features[0].weight, network.cosalnet.gc4_1.weight))  # fmt: skip


GROUP_AFFINITY = {"gconet_plus": (gconet_plus, GCONET_PLUS, "co_x5"), "mccl": (mccl, MCCL, "co_x4")}


def one_step(name, pool):
    """(learner, its losses) of a first step."""
    module, its, deepest = GROUP_AFFINITY[name]
    arch = {key: getattr(its, key) for key in ("width", "depths", "input_size") if hasattr(its, key)}
    model, _ = group_affinity.learner(name, deepest, its, arch, len(pool.concepts))
    return model, module.group_losses(model, group_affinity.draw_batch(pool, its, name, 0), its)


@pytest.mark.slow
@pytest.mark.parametrize("name", GROUP_AFFINITY)
def test_training_on_prototypes_moves_every_weight(pool, name):
    model, losses = one_step(name, pool)
    sum(losses.values()).backward()
    assert set(losses) == set(GROUP_AFFINITY[name][1].weights)
    still = {key for key, p in model.named_parameters() if p.grad is None or not p.grad.any()}
    # a key's bias adds the same to a pixel's similarities with all others
    assert {key for key in still if ".kv." not in key} <= {
        *(f"contrast.{key}" for key, _ in model.contrast.named_parameters() if name == "mccl"),
        "network.co_x5.all_attention.key_transform.bias",
    }


def test_triplets_pull_groups_apart():
    together = torch.eye(4)[[0, 0, 1, 1]]
    assert group_affinity.triplet_loss(together, [2, 2], 0.1) == 0
    assert group_affinity.triplet_loss(torch.eye(4)[[0, 1, 0, 1]], [2, 2], 0.1) > 1
    assert group_affinity.triplet_loss(torch.ones(4, 3), [2, 2], 0.1) == pytest.approx(0.1)


def test_an_object_of_another_group_costs_more_the_surer_it_is():
    unsure, sure, nothing = (group_affinity.empty_loss(torch.full((1, 1, 4, 4), value)) for value in (0.0, 4.0, -4.0))
    assert nothing < 1e-4 < unsure < sure


def test_prototypes_are_of_one_group_each(pool):
    """What a batch of two groups gives for the first one does not depend on the second one."""
    network = networks.build("mccl", width=1 / 16, depths=(1, 1, 1, 1), input_size=64).eval()
    images = torch.rand(5, 3, 64, 64, generator=random())
    with torch.no_grad():
        both, first = network(images, [2, 3]), network(images[:2])
    torch.testing.assert_close(both[:2], first, atol=1e-4, rtol=1e-4)


@pytest.mark.slow
def test_unit_variance_keeps_many_layers_without_a_norm_alive():
    images = 60 * torch.randn(4, 3, 112, 112, generator=random())
    with co_saliency.common.seeded(0, "variance"):
        network = networks.build("poolnet", width=1 / 16, layers=(1, 1, 1, 1))
        poolnet.give_unit_variance(network, images)
    with torch.no_grad():
        steps = network.pathway(images)
    assert all(0.9 < step.std() < 1.1 for step in steps) and 0.8 < network(images).std() < 1.1


def test_edge_loss_wants_the_outlines_of_the_masks():
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., 4:12, 4:12] = 1
    outline = torch.zeros_like(mask)
    outline[..., 3:13, 3:13] = 1
    outline[..., 5:11, 5:11] = 0
    right, filled, empty = (poolnet.edge_loss(20 * (target - 0.5), mask) for target in (outline, mask, 0 * mask))
    assert right < 1e-3 < filled and right < empty


@pytest.mark.parametrize("model", ["gicd", "gcagc", "poolnet", "gconet_plus", "mccl"])
def test_weights_to_start_from_are_looked_at_before_the_scenes(model, tmp_path, monkeypatch):
    monkeypatch.setattr(scenes.ScenePool, "__init__", lambda *_: pytest.fail("scenes were composed"))
    (tmp_path / "junk.pth").write_text("junk")
    surrogate = "bundled:mini/weights/resneta50b.safetensors"
    for start in (tmp_path / "missing.safetensors", tmp_path / "junk.pth", surrogate):
        with pytest.raises(UserError, match=Path(start).name):
            train.run(model, tmp_path / "out.safetensors", {"start": str(start)})
