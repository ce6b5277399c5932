"""Speed and memory on a GPU at full size, by variant and batch size."""

import resource
import time

from full_size_model import SEED

VARIANTS = ("plain", "channels_last", "compile", "channels_last+compile", "gradient_checkpointing")  # on a GPU
BATCHES = (1, 2, 4)


def peak_gb():
    """The largest memory that this process held, GB; Linux counts it in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def measure(its, batch, images, steps=5):
    """Seconds a learning step and purified images a second of `batch` images at once, and the peak memory of each, GB.

    `images` are (batch, 3, H, W) in [0, 1]. Differences of a longer and a shorter run, after a warm-up that compiles.
    """
    import torch

    from cosalpure.concept import learn as learn_one
    from cosalpure.diffusion.text_to_image import TextToImage
    from cosalpure.protocols import Given
    from cosalpure.purify import PURIFIERS
    from cosalpure.seeds import generator

    model = TextToImage.of(its["model"])
    on_gpu = model.device.type == "cuda"

    def timed(work, *arguments):
        if on_gpu:
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
        start = time.perf_counter()
        result = work(*arguments)
        if on_gpu:
            torch.cuda.synchronize()
        memory = torch.cuda.max_memory_allocated() / 1e9 if on_gpu else peak_gb()
        return result, time.perf_counter() - start, memory

    def learning(count):
        chosen = its["concept"].model_copy(update={"batch": batch, "steps": count})
        return learn_one(images, model, chosen, generator(SEED), "<my-goat>")

    (concept, _), *_ = timed(learning, 1)
    _, short, _ = timed(learning, 1)
    _, long, learn_gb = timed(learning, 1 + steps)
    purifier = PURIFIERS.make("cosalpure", its["purifier"], lambda: model)

    def purifying():
        return purifier(images, Given([generator(SEED, number) for number in range(batch)], concept=concept))

    timed(purifying)
    _, seconds, purify_gb = timed(purifying)
    return {
        "seconds a learning step": round((long - short) / steps, 4),
        "learning, peak GB": round(learn_gb, 1),
        "purified images a second": round(batch / seconds, 4),
        "purification, peak GB": round(purify_gb, 1),
    }


def measure_variant(name, folder, its, steps):
    """A row of a GPU's table; `name` is "VARIANT-BATCH", such as compile-4."""
    from cosalpure.data import read_groups
    from cosalpure.io import read_images

    variant, batch = name.rsplit("-", 1)
    changes = {key: True for key in variant.split("+") if key != "plain"}
    (group,) = read_groups(folder / "data/two")
    images = read_images(group.paths(folder / "data/two/images")).repeat(int(batch), 1, 1, 1)[: int(batch)]
    chosen = its | {"model": its["model"].model_copy(update=changes)}
    return {"variant": variant, "batch": int(batch)} | measure(chosen, int(batch), images, steps)


def variants():
    """The names of a GPU's measurements."""
    return [f"{variant}-{batch}" for variant in VARIANTS for batch in BATCHES]
