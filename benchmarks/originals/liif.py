"""yinboc/liif: the model of models/liif.py, asked as demo.py asks it."""

from originals import load, on_cpu, unused

QUERIES = 30000  # at a time, as in demo.py


def resizer(path, network):
    """`resize(image, size)`, (1, 3, H, W) in [0, 1] -> (1, 3, *size), with the weights of our `network`."""
    import torch

    on_cpu()
    unused("tensorboardX")
    models, demo = load(path, "models"), load(path, "demo")
    channels, hidden = network.encoder.head[0].out_channels, [its.out_features for its in network.imnet.layers[:-1:2]]
    encoder = {"no_upsampling": True, "n_feats": channels, "n_resblocks": len(network.encoder.body) - 1}
    spec = {"encoder_spec": {"name": "edsr-baseline", "args": encoder}}
    spec["imnet_spec"] = {"name": "mlp", "args": {"out_dim": 3, "hidden_list": hidden}}
    model = models.make({"name": "liif", "args": spec}).eval().requires_grad_(False)
    model.load_state_dict(network.state_dict())

    def resize(image, size):
        height, width = size
        positions = demo.make_coord((height, width))
        cell = torch.ones_like(positions)
        cell[:, 0] *= 2 / height
        cell[:, 1] *= 2 / width
        asked = (positions[None], cell[None])
        found = demo.batched_predict(model, (image - 0.5) / 0.5, *asked, bsize=QUERIES)[0]
        return (found * 0.5 + 0.5).clamp(0, 1).view(1, height, width, 3).permute(0, 3, 1, 2)

    return resize
