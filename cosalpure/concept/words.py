"""Which real words lie near a learned concept: how many known words are nearer to it than the group's own.

Near is by cosine similarity of the text encodings of "a photo of ..." at their end, where CLIP reads them. A group's own word
is what its slug says, "bear" for bear and bear-2.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from cosalpure.concept import FILE, Concept
from cosalpure.data import Group, read_groups
from cosalpure.data.mini import MiniWorld
from cosalpure.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

    from cosalpure.diffusion.text_to_image import TextToImage


@dataclass(frozen=True)
class Place:
    """Where a learned concept lies among the known words."""

    rank: int  # of the group's own word; 1 is the nearest
    nearest: str  # the nearest known word


class Vocabulary:
    """Known words, and their encodings by a text-to-image model."""

    def __init__(self, model: "TextToImage", known: Sequence[str]):
        self.model, self.known = model, list(known)

    @cached_property
    def encodings(self) -> Tensor:
        """The encodings of the words, (words, D)."""
        return torch.cat([ending(self.model, words(name)) for name in self.known])

    @torch.no_grad()
    def place(self, concept: Concept, word: str) -> Place:
        """Find the rank of `word`, a known one, by its distance from a concept."""
        own = ending(self.model, "object", concept.fitting(self.model).vector)
        similarity = torch.cosine_similarity(own, self.encodings)
        rank = 1 + int((similarity > similarity[self.known.index(word)]).sum())
        return Place(rank, self.known[int(similarity.argmax())])


def measure(model: "TextToImage", data: str | Path, concepts: str | Path) -> "pd.DataFrame":
    """Measure the rank of every group's own word: a row for each group with slug, word, nearest, rank and known words.

    Args:
        model: the model that learned the concepts.
        data: folder of the dataset.
        concepts: folder of the learned concepts.
    """
    import pandas as pd

    groups = read_groups(data)
    vocabulary, rows = Vocabulary(model, known_words(groups)), []
    for group in groups:
        concept = Concept.load(Path(concepts) / "groups" / group.slug / FILE)
        found = vocabulary.place(concept, word_of(group.slug))
        rows.append((group.slug, word_of(group.slug), found.nearest, found.rank, len(vocabulary.known)))
    return pd.DataFrame(rows, columns=["slug", "word", "nearest", "rank", "known"])


def known_words(groups: Sequence[Group]) -> list[str]:
    """List the words that are compared: those of all groups; of the mini dataset all that its model was taught."""
    own, world = {word_of(group.slug) for group in groups}, MiniWorld()
    taught = {*world.concepts("dev"), *world.concepts("test")}
    return sorted(taught if own <= taught else own)


def word_of(slug: str) -> str:
    """Give the word that a group's slug says, "bear" for bear-2."""
    return re.sub(r"-\d+$", "", slug)


def words(concept: str) -> str:
    """Write a concept's name as in a caption: "honey pot" for "honey-pot"."""
    return concept.replace("-", " ")


@torch.no_grad()
def ending(model: "TextToImage", words: str, vector: Tensor | None = None) -> Tensor:
    """Encode "a photo of `words`" and return the encoding (1, D) at its end token.

    With `vector`, this stands for the one word.
    """
    end = len(model.tokenizer(f"a photo of {words}", truncation=True).input_ids) - 1
    token = None if vector is None else words
    return model.embed([f"a photo of {words}"], token, vector)[:, end]


def word_ranks(model: "TextToImage", known: Sequence[str], folder: str | Path) -> dict[str, int]:
    """Measure the rank of each group's own word among `known`, of all concepts in a folder of them: {slug: rank}.

    Raises:
        UserError: for a word that is not known, or a folder without concepts.
    """
    vocabulary, ranks = Vocabulary(model, known), {}
    for path in sorted(Path(folder).glob(f"groups/*/{FILE}")):
        word = word_of(path.parent.name)
        if word not in known:
            raise UserError(f"{path.parent}: '{word}' is not a word that this model was taught")
        ranks[path.parent.name] = vocabulary.place(Concept.load(path), word).rank
    if not ranks:
        raise UserError(f"{folder}: no learned concepts (groups/*/{FILE})")
    return ranks
