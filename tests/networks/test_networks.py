"""Our networks as modules: files of weights, sizes, gradients, mistakes."""

import pytest
import torch
from golden import loader

from cosalpure import networks
from cosalpure.errors import UserError
from cosalpure.networks import gcagc
from cosalpure.train.poolnet import predict_both

SLIM_GICD = dict(width=1 / 16, classes=11, classifier_width=24, pool=2, channels=8, input_size=32)
SLIM_RESNET = dict(width=1 / 16, classes=11)
SLIM = {
    "adm": dict(image_size=32, channels=32, channel_mult=(1, 2), blocks=1, attention=(16,), head_channels=16),
    "gcagc": dict(width=1 / 16, modules=(1, 1, 1), blocks=1, input_size=32),
    "gconet_plus": dict(width=1 / 16, input_size=32),
    "gicd": SLIM_GICD,
    "liif": dict(channels=8, blocks=2, hidden=(16, 16)),
    "mccl": dict(width=1 / 16, depths=(1, 1, 1, 1), input_size=32),
    "poolnet": dict(width=1 / 16),
    "resneta50b": SLIM_RESNET,
}
SIDES = {"poolnet": 112}  # of the images that a network needs at least, where it is not 32
MORE_INPUTS = {"adm": (torch.tensor([3, 700]),), "liif": ((48, 40),)}  # besides the images


def test_gcagcs_clustering_survives_positions_without_features():
    maps = torch.rand(2, 8, 3, 5)
    maps[0, :, 1, 2] = 0
    assert torch.isfinite(gcagc.cluster(maps)).all() and torch.isfinite(gcagc.cluster(maps * 0)).all()


def test_gcagcs_clustering_survives_a_first_step_to_zero():
    assert torch.isfinite(gcagc.cluster(torch.rand(4, 8, 50, 50))).all()  # 10,000 positions start at 0.01


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_gcagc_clusters_where_the_caller_forbids_gradients(mode):
    network = networks.build("gcagc", **SLIM["gcagc"]).eval()
    images = torch.rand(2, 3, 64, 64)
    expected = network(images)[-1].detach()
    with mode():
        assert torch.allclose(network(images)[-1], expected)


@pytest.mark.parametrize(("n", "height", "width"), [(1, 64, 64), (3, 40, 75)])
def test_gcagc_takes_images_of_any_size(n, height, width):
    network = networks.build("gcagc", **SLIM["gcagc"]).eval()
    for maps in network(torch.rand(n, 3, height, width)):
        assert maps.shape == (n, 1, height, width) and torch.isfinite(maps).all()


def test_liif_does_not_depend_on_its_bands(monkeypatch):
    network = networks.build("liif", **SLIM["liif"])
    images = torch.rand(2, 3, 20, 24)
    whole = network(images, (33, 50))
    monkeypatch.setattr("cosalpure.networks.liif.QUERIES", 512)
    assert torch.allclose(network(images, (33, 50)), whole, atol=1e-6)


def test_liif_answers_at_chosen_rows_and_columns_as_in_the_whole():
    network = networks.build("liif", **SLIM["liif"])
    images, rows, columns = torch.rand(2, 3, 20, 24), torch.tensor([0, 7, 32]), torch.tensor([3, 3, 10, 49])
    whole = network(images, (33, 50))
    assert torch.allclose(network(images, (33, 50), (rows, columns)), whole[:, :, rows][..., columns], atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", SLIM)
def test_weights_survive_a_round_trip_through_the_file(name, tmp_path):
    torch.manual_seed(0)
    network = networks.build(name, **SLIM[name]).eval()
    for parameter in network.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)  # layers that start at zero would hide the others
    path = tmp_path / "slim.safetensors"
    networks.save_weights(path, network, SLIM[name], name, training={"steps": 3})
    again = networks.load(name, path)
    images = torch.rand(2, 3, SIDES.get(name, 32), SIDES.get(name, 32))
    with torch.no_grad():
        ours, its = (net(images, *MORE_INPUTS.get(name, ()))[-1] for net in (network, again))
    assert (ours - its).abs().max() < 2e-3 * ours.abs().max()  # kernels are stored in half precision
    assert not any(p.requires_grad for p in again.parameters()) and not again.training
    assert {value.dtype for value in again.state_dict().values()} <= {torch.float32, torch.int64}
    assert networks.read_header(path)["training"] == '{"steps": 3}'


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_gicd_finds_its_gradients_where_the_caller_forbids_them(mode):
    network = networks.build("gicd", **SLIM_GICD).eval()
    images = torch.rand(2, 3, 32, 32)
    expected = network(images)[-1].detach()
    with mode():
        assert torch.allclose(network(images)[-1], expected)
    assert all(p.grad is None for p in network.parameters())


def test_gicd_trains_through_all_five_maps():
    network = networks.build("gicd", **SLIM_GICD).eval()
    sum(maps.mean() for maps in network(torch.rand(2, 3, 32, 32))).backward()
    with_gradient = {name for name, p in network.named_parameters() if p.grad is not None}
    expected = {n for n, _ in network.named_parameters() if n.startswith("ginet.") and ".classifier." not in n}
    assert with_gradient == expected  # the classifiers are constants of the consensus


@pytest.mark.slow
def test_saliency_does_not_train_poolnets_edge_features():
    network = networks.build("poolnet", **SLIM["poolnet"]).eval()
    saliency, edges = predict_both(network, torch.rand(2, 3, 128, 128), (128, 128))
    saliency.square().mean().backward(retain_graph=True)
    features = [p for key, p in network.named_parameters() if key.startswith("block.")]
    assert features and all(p.grad is None for p in features)
    edges.square().mean().backward()
    assert all(p.grad is not None for p in features)


UNTRAINED = {
    "adm": (),
    "gcagc": ("cosalnet.prnet.stage4.0.fuse_layers.0.",),  # leads to the finest map, which no head reads
    "gconet_plus": (),
    "liif": ("encoder.sub_mean.", "encoder.add_mean."),
    "mccl": (),
    "poolnet": ("fuse.",),  # predicts edges
    "resneta50b": (),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", UNTRAINED)
def test_training_reaches_every_weight_that_it_should(name):
    network = networks.build(name, **SLIM[name]).eval()
    outputs = network(torch.rand(2, 3, 128, 128), *MORE_INPUTS.get(name, ()))
    sum(values.square().mean() for values in (outputs if isinstance(outputs, tuple) else [outputs])).backward()
    without = {key for key, p in network.named_parameters() if p.grad is None}
    assert without == {key for key, _ in network.named_parameters() if key.startswith(UNTRAINED[name])}


@pytest.mark.slow
def test_official_files_load_strictly(tmp_path):
    state = loader.state_dict("resneta50b")
    path = tmp_path / "resneta50b.pth"
    torch.save(state, path)
    network = networks.load("resneta50b", path)
    assert torch.equal(network.output.weight, state["output.weight"])
    state.pop("output.bias")
    torch.save(state, path)
    with pytest.raises(UserError, match="output.bias"):
        networks.load("resneta50b", path)


def test_mistakes_are_answered_with_the_choices(tmp_path):
    with pytest.raises(UserError, match="did you mean 'gicd'"):
        networks.build("gicdd")
    with pytest.raises(UserError, match="classifier_width"):
        networks.build("gicd", classifierwidth=3)
    with pytest.raises(UserError, match="unknown image_size without channel_mult"):
        networks.build("adm", image_size=100)
    with pytest.raises(UserError, match="no such weights file"):
        networks.load("gicd", tmp_path / "none.safetensors")
    other = networks.build("resneta50b", **SLIM_RESNET)
    networks.save_weights(tmp_path / "r.safetensors", other, SLIM_RESNET, "resneta50b")
    with pytest.raises(UserError, match="holds weights of 'resneta50b'"):
        networks.load("gicd", tmp_path / "r.safetensors")
