"""The mini text encoder: the text half of a small CLIP, trained contrastively on sprites, then frozen.

As in Stable Diffusion, whose text encoder is the text half of CLIP (Radford et al. 2021). It is what makes the
text-to-image model hear its captions: with a text encoder of default initialisation all captions look almost equal,
and the U-Net learns to ignore them.

`train_text_encoder` writes tokenizer/, text_encoder/ (stock transformers classes) and recogniser.safetensors, the
image half with a linear classifier, by which `gate.py` judges generated images.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from tokenizers import models, trainers
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from cosalpure.concept.words import words
from cosalpure.data.mini import MiniWorld
from cosalpure.io import whole_folder
from cosalpure.seeds import numpy_generator
from cosalpure.train.common import seeded, train, trained_part, update, write_json
from cosalpure.train.compute import Compute

MAX_LENGTH = 16  # tokens; the longest caption below has 13, and cross-attention costs grow with it
GENERIC = ("object", "none")  # words for anything: textual inversion's initialiser, and the prompt of an ablation
PLAIN = ("{}", "a {}", "a photo of {}", "a photo of a {}")
# The other templates of textual inversion (Gal et al. 2023, `imagenet_templates_small`)
OTHERS = (
    "a photo of the {}|the photo of a {}|a rendering of a {}|a cropped photo of the {}|a photo of a clean {}|"
    "a photo of a dirty {}|a dark photo of the {}|a photo of my {}|a photo of the cool {}|a close-up photo of a {}|"
    "a bright photo of the {}|a cropped photo of a {}|a good photo of the {}|a photo of one {}|a rendition of the {}|"
    "a photo of the clean {}|a rendition of a {}|a photo of a nice {}|a good photo of a {}|a photo of the nice {}|"
    "a photo of the small {}|a photo of the weird {}|a photo of the large {}|a photo of a cool {}|a photo of a small {}"
).split("|")


@dataclass
class TextEncoderSettings:
    """How the small CLIP is built and trained."""

    seed: int = 0
    steps: int = 720  # after 600 steps of 64 captions differ enough; more mainly sharpens the recogniser
    batch: int = 64
    learning_rate: float = 2e-3
    warmup: int = 30
    width: int = 128  # of text tokens, and of the shared space; also the U-Net's cross_attention_dim
    layers: int = 2
    heads: int = 4
    embedding_std: float = 0.5  # far above CLIP's .02: the words must differ from the first step on
    portraits: float = 0.5  # share of large single objects; the rest are scenes as in the benchmark
    checkpoint_every: int = 200
    log_every: int = 20
    held_out: int = 4  # images a concept, for metrics.json


def known_concepts(world: MiniWorld) -> list[str]:
    """List the concepts whose names the text-to-image model knows: those of dev and test."""
    return sorted(world.concepts("dev") + world.concepts("test"))


def draw_caption(rng: np.random.Generator, name: str, plain: float = 0.75) -> str:
    """Draw a caption of `name` in a random template, one of the four plain ones with probability `plain`."""
    templates = PLAIN if rng.random() < plain else OTHERS
    return templates[int(rng.integers(len(templates)))].format(name)


def compose(world: MiniWorld, rng: np.random.Generator, concept: str, portraits: float) -> np.ndarray:
    """Compose one training image of `concept`, uint8 (size, size, 3).

    It is a portrait with probability `portraits`, else a scene.
    """
    if rng.random() < portraits:
        return world.portrait(rng, concept)[0]
    return world.scene(rng, concept, world.concepts("train"))[0]


def to_tensor(images: Sequence[np.ndarray]) -> torch.Tensor:
    """Turn uint8 arrays (H, W, 3) into a float32 tensor (N, 3, H, W) in [0, 1]."""
    return torch.stack([torch.from_numpy(image.copy()) for image in images]).permute(0, 3, 1, 2).float().div(255)


def make_tokenizer(names: Sequence[str]) -> CLIPTokenizer:
    """Make a CLIPTokenizer that knows every word of `names` and of the templates as one token.

    Anything else it reads by bytes. It is laid out as CLIP's own: bytes, bytes that end a word, merges, and the two special tokens
    last.
    """
    texts = [template.format("") for template in (*PLAIN, *OTHERS)] + list(names) + list(GENERIC)
    backend = CLIPTokenizer().backend_tokenizer
    pieces = [piece for text in texts for piece, _ in backend.pre_tokenizer.pre_tokenize_str(text)]
    learner = type(backend)(models.BPE(end_of_word_suffix="</w>"))
    trainer = trainers.BpeTrainer(vocab_size=10**6, min_frequency=1, end_of_word_suffix="</w>", show_progress=False)
    learner.train_from_iterator(([piece] for piece in sorted(set(pieces))), trainer)
    merges = [tuple(merge) for merge in json.loads(learner.to_str())["model"]["merges"]]
    alphabet = sorted(type(backend.pre_tokenizer[1]).alphabet())
    tokens = [*alphabet, *(letter + "</w>" for letter in alphabet), *(first + second for first, second in merges)]
    tokens = [*dict.fromkeys(tokens), "<|startoftext|>", "<|endoftext|>"]
    vocab = {token: index for index, token in enumerate(tokens)}
    return CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=MAX_LENGTH)


def build_text_encoder(tokenizer: CLIPTokenizer, settings: TextEncoderSettings) -> CLIPTextModel:
    """Build a small CLIPTextModel for `tokenizer`, initialised from the settings' seed."""
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=settings.width,
        intermediate_size=4 * settings.width,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        max_position_embeddings=MAX_LENGTH,
        projection_dim=settings.width,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with seeded(settings.seed, "text-encoder"):
        model = CLIPTextModel(config)
        nn.init.normal_(model.get_input_embeddings().weight, std=settings.embedding_std)
    return model


def tokenize(tokenizer: CLIPTokenizer, captions: Sequence[str]) -> torch.Tensor:
    """Tokenize captions as ids (N, MAX_LENGTH), padded as StableDiffusionPipeline does."""
    ids: torch.Tensor = tokenizer(
        captions, padding="max_length", max_length=MAX_LENGTH, truncation=True, return_tensors="pt"
    ).input_ids
    return ids


class Residual(nn.Module):
    """Two 3 x 3 convolutions with batch norms and a skip."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(2))
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return features of the shape of x (N, width, h, w)."""
        y = F.relu(self.norms[0](self.first(x)))
        return F.relu(x + self.norms[1](self.second(y)))


class Recogniser(nn.Module):
    """The image half of the small CLIP, with a linear classifier over the known concepts."""

    def __init__(self, concepts: Sequence[str], width: int) -> None:
        super().__init__()
        self.concepts = list(concepts)
        stages, before = [], 3
        for channels in (32, 64, 128):
            down = nn.Conv2d(before, channels, 3, stride=2, padding=1, bias=False)
            stages += [down, nn.BatchNorm2d(channels), nn.ReLU(), Residual(channels)]
            before = channels
        self.tower = nn.Sequential(*stages)
        self.project = nn.Linear(2 * before, width)
        self.classify = nn.Linear(width, len(self.concepts))

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Compute features (N, width) of images (N, 3, H, W) in [0, 1]: mean and maximum, for an object may be small."""
        maps = self.tower(images * 2 - 1)
        features: torch.Tensor = self.project(torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], 1))
        return features

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Predict logits (N, concepts) of images (N, 3, H, W) in [0, 1]."""
        logits: torch.Tensor = self.classify(self.features(images))
        return logits


def load_recogniser(text_encoder_dir: str | Path) -> Recogniser:
    """Load the recogniser beside a trained text encoder, in evaluation mode."""
    with trained_part(text_encoder_dir, "text-encoder", "recogniser.safetensors", "concepts.json") as folder:
        state = load_file(folder / "recogniser.safetensors")
        model = Recogniser(json.loads((folder / "concepts.json").read_text()), state["project.weight"].shape[0])
        model.load_state_dict(state)
    return model.eval().requires_grad_(False)


def contrastive_loss(
    image_features: torch.Tensor, text_features: torch.Tensor, labels: torch.Tensor, scale: torch.Tensor
) -> torch.Tensor:
    """Compute CLIP's symmetric loss of features (N, D).

    Images and captions of equal concepts share the target's mass.
    """
    logits = scale * F.normalize(image_features, dim=1) @ F.normalize(text_features, dim=1).T
    same = (labels[:, None] == labels).float()
    target = same / same.sum(1, keepdim=True)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


@torch.no_grad()
def held_out_accuracy(recogniser: Recogniser, world: MiniWorld, settings: TextEncoderSettings) -> dict[str, Any]:
    """Measure top-1 and top-5 of the recogniser on portraits and scenes of seeds that training never draws."""
    result = {}
    for kind, portraits in (("scenes", 0.0), ("portraits", 1.0)):
        hits = []
        for label, concept in enumerate(recogniser.concepts):
            rng = numpy_generator(settings.seed, "held-out", kind, concept)
            images = to_tensor([compose(world, rng, concept, portraits) for _ in range(settings.held_out)])
            hits.append(recogniser(images).topk(5).indices == label)
        found = torch.cat(hits).float()
        result[kind] = {"top1": found[:, 0].mean().item(), "top5": found.sum(1).mean().item(), "n": len(found)}
    return result


def train_text_encoder(
    output_dir: str | Path,
    settings: TextEncoderSettings | None = None,
    world: MiniWorld | None = None,
    compute: Compute | None = None,
) -> Path:
    """Train the small CLIP and return the folder that it is written to.

    The folder holds tokenizer/, text_encoder/, recogniser.safetensors and metrics.json.
    """
    settings, world, output_dir = settings or TextEncoderSettings(), world or MiniWorld(), Path(output_dir)
    concepts, compute = known_concepts(world), compute or Compute()

    # 1. Two encoders, a projection of the text, CLIP's temperature, and a classifier on the image features
    tokenizer = make_tokenizer([words(concept) for concept in concepts])
    text_encoder = build_text_encoder(tokenizer, settings)
    with seeded(settings.seed, "recogniser"):
        recogniser = Recogniser(concepts, settings.width)
        head: Any = nn.Linear(settings.width, settings.width, bias=False)
        head.register_parameter("log_scale", nn.Parameter(torch.tensor(2.66)))  # ln(1 / .07), as in CLIP
    modules = [module.to(compute.torch_device) for module in (recogniser, text_encoder, head)]
    optimizer = torch.optim.AdamW([p for m in modules for p in m.parameters()], weight_decay=0.01)

    # 2. Images of random concepts against their captions
    def draw(step: int, progress: float) -> tuple[torch.Tensor, ...]:
        rng = numpy_generator(settings.seed, "clip", step)
        labels = torch.from_numpy(rng.integers(len(concepts), size=settings.batch))
        images = to_tensor([compose(world, rng, concepts[i], settings.portraits) for i in labels])
        captions = [draw_caption(rng, words(concepts[i])) for i in labels]
        return images, tokenize(tokenizer, captions), labels

    def learn(batch: tuple[torch.Tensor, ...], progress: float) -> dict[str, Any]:
        images, tokens, labels = batch
        with compute.autocast():
            image_features = recogniser.features(images)
            text_features = head(text_encoder(tokens).pooler_output)
            logits = recogniser.classify(image_features).float()
        scale = head.log_scale.clamp(max=4.6).exp()
        contrast = contrastive_loss(image_features.float(), text_features.float(), labels, scale)
        classify = F.cross_entropy(logits, labels, label_smoothing=0.05)
        update(contrast + classify, optimizer, modules)
        accuracy = (logits.argmax(1) == labels).float().mean()
        return {"contrast": contrast.detach(), "classify": classify.detach(), "accuracy": accuracy}

    parts = {"recogniser": recogniser, "text_encoder": text_encoder, "head": head, "optimizer": optimizer}
    train("text encoder", draw, learn, parts, output_dir, settings, compute)

    # 3. What is kept
    recogniser, text_encoder = recogniser.cpu().eval(), text_encoder.cpu()
    metrics = {"settings": asdict(settings), "held_out": held_out_accuracy(recogniser, world, settings)}
    save_text_encoder(output_dir, tokenizer, text_encoder)
    save_file(recogniser.state_dict(), output_dir / "recogniser.safetensors")
    write_json(output_dir / "concepts.json", concepts)
    write_json(output_dir / "metrics.json", metrics)
    return output_dir


def save_text_encoder(output_dir: str | Path, tokenizer: CLIPTokenizer, text_encoder: CLIPTextModel) -> None:
    """Write tokenizer/ and text_encoder/ in `output_dir`, each whole or not at all."""
    with whole_folder(Path(output_dir) / "tokenizer") as folder:
        tokenizer.save_pretrained(folder)
    with whole_folder(Path(output_dir) / "text_encoder") as folder:
        text_encoder.save_pretrained(folder)


def load_text_encoder(text_encoder_dir: str | Path) -> tuple[CLIPTokenizer, CLIPTextModel]:
    """Load (CLIPTokenizer, CLIPTextModel) in float32, frozen."""
    with trained_part(text_encoder_dir, "text-encoder", "tokenizer", "text_encoder") as folder:
        tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
        model = CLIPTextModel.from_pretrained(folder / "text_encoder", local_files_only=True, dtype=torch.float32)
    return tokenizer, model.eval().requires_grad_(False)
