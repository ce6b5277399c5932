"""The degrade stage: the attacked images of every group are degraded, the clean ones keep their bytes."""

import shutil
from pathlib import Path

from tqdm import tqdm

from cosalpure.data import read_groups, write_index
from cosalpure.degrade import load
from cosalpure.io import read_images, whole_folder, write_image
from cosalpure.seeds import generator


def run(method, settings, data, output, span, seed):
    """For each group of `span`: `output`/images/<slug>/*.png."""
    groups = read_groups(data, span)
    degradation = load(method, **arguments(method, settings))
    for group in tqdm(groups, desc=f"degrade {method}", unit="group"):
        sources = group.paths(Path(data) / "images")
        chosen = [path for path, attacked in zip(sources, group.attacked, strict=True) if attacked]
        draws = generator(seed, group.dataset, group.name, "degrade", method)
        degraded = iter(degradation(read_images(chosen), draws)) if chosen and method != "none" else None
        with whole_folder(Path(output) / "images" / group.slug) as folder:
            for path, attacked in zip(sources, group.attacked, strict=True):
                if attacked and degraded is not None:
                    write_image(folder / path.name, next(degraded))
                else:
                    shutil.copyfile(path, folder / path.name)
    write_index(output, span, groups, Path(output) / "images")


def arguments(method, settings):
    """A method's settings as its constructor's arguments; a surrogate's weights become the surrogate."""
    values = settings.model_dump()
    if method == "jadena":
        from cosalpure.degrade.jadena import surrogate_of
        from cosalpure.networks import load as load_network

        values["surrogate"] = surrogate_of(load_network("resneta50b", values["surrogate"]))
    return values
