"""What every degradation, purifier and detector promises: `cosalpure contract METHOD` and the tests try it.

A promise is a function of the method that is tried. It returns a remark or nothing, and raises `Broken`, or any other
exception, if the promise is not kept.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import get_args

import torch

from cosalpure.contract.sample import draw
from cosalpure.contract.subject import USUAL, Subject
from cosalpure.contract.values import checked, checked_maps
from cosalpure.errors import UserError, one_line
from cosalpure.labels import ROLES
from cosalpure.method_files import told
from cosalpure.methods import METHODS, Family
from cosalpure.protocols import Kind

KINDS: dict[Kind, Family] = {registry.kind: family for family, registry in METHODS.items()}
IMAGES: tuple[Kind, ...] = ("degradation", "purifier")  # kinds that return images and draw random numbers
SIZES = ((48, 80), (65, 49), (16, 16))  # height and width
RUNS = "runs with what it says that it needs"
ROUNDING = 1e-3  # in one value, of [0, 1], between one batch and another
AMPLIFIED = 1 / 255  # on average, where sign steps or half precision amplify rounding


class Broken(Exception):
    """A promise is not kept; the text says what was found and what is expected."""


@dataclass(frozen=True)
class Promise:
    """One promise: what a person reads, and the check."""

    text: str
    check: Callable[[Subject], str | None]
    kinds: tuple[Kind, ...]


@dataclass(frozen=True)
class Outcome:
    """Whether a promise is kept, None if it was not tried; `text` is a remark, or what is wrong."""

    promise: str
    kept: bool | None
    text: str = ""

    def __str__(self) -> str:
        if self.kept:
            return f"ok    {self.promise}" + (f" ({self.text})" if self.text else "")
        return f"{'-' if self.kept is None else 'FAIL':5} {self.promise}: {self.text}"


PROMISES: list[Promise] = []


def promise(text: str, kinds: tuple[Kind, ...] = get_args(Kind)) -> Callable[[Callable[[Subject], str | None]], None]:
    """Register a check as a promise of some kinds of methods."""
    return lambda check: PROMISES.append(Promise(text, check, kinds))


def promises_of(kind: Kind) -> list[Promise]:
    """List the promises of a kind of methods."""
    return [its for its in PROMISES if kind in its.kinds]


def outcomes(subject: Subject) -> Iterator[Outcome]:
    """Try all promises of a method, in order; one that does not run at all is not called further."""
    runs = True
    for its in promises_of(subject.kind):
        found = outcome(subject, its) if runs else Outcome(its.text, None, "not tried")
        runs = runs and (its.text != RUNS or bool(found.kept))
        yield found


def outcome(subject: Subject, its: Promise) -> Outcome:
    """Try one promise of a method."""
    try:
        return Outcome(its.text, True, its.check(subject) or "")
    except (Broken, UserError) as error:
        return Outcome(its.text, False, one_line(error, 400))
    except Exception as error:  # of a plug-in, which may raise anything
        return Outcome(its.text, False, told(error, subject.file))


# --- declared ---------------------------------------------------------------------------------------------------------
@promise("label and role are valid")
def _label_and_role(subject: Subject) -> None:
    label, role, roles = subject.method.label_of(subject.settings), subject.method.role, ROLES[KINDS[subject.kind]]
    if not isinstance(label, str):
        raise Broken(f"label is {label!r}; expected text")
    if role is not None and role not in roles:
        choices = f"one of {', '.join(roles)}" if roles else "none for a detector"
        raise Broken(f"role is {role!r}; expected {choices}")


@promise("files are keys of the settings")
def _files(subject: Subject) -> None:
    known, files = list(type(subject.settings).model_fields), subject.method.files
    if isinstance(files, str):
        raise Broken(f"files is the text {files!r}; expected a list, such as [{files!r}]")
    wrong = [key for key in files if key not in known]
    if wrong:
        raise Broken(f"{', '.join(map(repr, wrong))} is no setting; the settings are: {', '.join(known) or 'none'}")


# --- returned ---------------------------------------------------------------------------------------------------------
@promise(RUNS)
def _needs(subject: Subject) -> str:
    try:
        _ = subject.first
    except Exception as error:
        helps = [need for need in subject.undeclared if _runs(subject, need)]
        if helps:
            raise Broken(f"it runs only if given.{helps[0]} is there; add '{helps[0]}' to its needs") from error
        raise
    return ", ".join(sorted(subject.needs)) or "nothing"


def _runs(subject: Subject, need: str) -> bool:
    try:
        subject.returned(draw(USUAL), more=[need])  # type: ignore[list-item]  # one of `undeclared`
    except Exception:
        return False
    return True


@promise("returns one image for each, of the same size, in [0, 1]", IMAGES)
def _returns_images(subject: Subject) -> None:
    checked(subject.first, subject.shape(draw(USUAL)), subject.who)


@promise("returns one map for each image, (N, 1, H, W), in [0, 1]", ("detector",))
def _returns_maps(subject: Subject) -> None:
    checked(subject.first, subject.shape(draw(USUAL)), subject.who)


@promise("maps have a background, below one half", ("detector",))
def _background(subject: Subject) -> None:
    checked_maps(subject.usual, subject.usual.shape, subject.who)


@promise("takes groups of 1, 2 and 5 images")
def _lengths(subject: Subject) -> None:
    for number in (1, 2, 5):
        try:
            subject.result(draw(number))
        except Exception as error:
            raise Broken(f"of {number}: {_told(error, subject)}") from error


@promise("takes images of any size, or refuses them in one line")
def _sizes(subject: Subject) -> str:
    refused = []
    for height, width in SIZES:
        sample = draw(2, height, width)
        try:
            values = subject.returned(sample)
        except UserError as error:
            refused.append(f"{width}x{height}: {one_line(error, 100)}")
            continue
        except Exception as error:
            raise Broken(f"{width}x{height} px: {_told(error, subject)}") from error
        checked(values, subject.shape(sample), f"{subject.who} on {width}x{height} px")
    return f"refused {'; '.join(refused)}" if refused else ""


@promise("takes black and white images")
def _featureless(subject: Subject) -> None:
    for levels in ([0.0, 1.0], [0.0, 0.0], [1.0, 1.0]):
        subject.result(draw(2).filled(levels))


@promise("leaves no gradients")
def _gradients(subject: Subject) -> None:
    sample = draw(2)
    found = subject.returned(sample)
    if getattr(found, "requires_grad", False):
        raise Broken("the result requires a gradient; compute it under torch.no_grad() or return result.detach()")
    if sample.images.requires_grad or sample.images.grad is not None:
        raise Broken("the images that it was given carry a gradient afterwards; work on a copy")


@promise("passes gradients to images that ask for them, if it says that it is differentiable", ("purifier", "detector"))
def _differentiable(subject: Subject) -> str:
    sample = draw(USUAL)
    if not subject.method.differentiable:
        return "not declared"
    leaf = sample.images.clone().requires_grad_()
    found = subject.call(leaf, subject.given(sample))
    if not found.requires_grad:
        raise Broken(
            "differentiable is True, but images that require gradients give a result without; do not detach it"
        )
    _compare(found.detach(), subject.usual, "with gradients, the result differs")
    (gradient,) = torch.autograd.grad(found.sum(), leaf)
    if not gradient.isfinite().all() or not gradient.any():
        raise Broken("the gradient of its result is zero everywhere, or not finite")
    return "differentiable"


@promise("gives the same under torch.no_grad()")
def _no_grad(subject: Subject) -> None:
    with torch.no_grad():
        found = subject.result(draw(USUAL))
    _compare(found, subject.usual, "the result differs")


# --- what it depends on -----------------------------------------------------------------------------------------------
@promise("leaves what it is given unchanged")
def _inputs(subject: Subject) -> None:
    sample, before = draw(USUAL), draw(USUAL)
    subject.returned(sample)
    for name in ("images", "group", "ground_truth"):
        if not torch.equal(getattr(sample, name), getattr(before, name)):
            raise Broken(f"it changes {'' if name == 'images' else 'given.'}{name} in place; work on a copy")


@promise("gives the same for the same images", ("detector",))
def _repeats(subject: Subject) -> None:
    if not torch.equal(subject.result(draw(USUAL)), subject.usual):
        raise Broken("a second call gives other maps; a detector must not draw random numbers")


@promise("gives the same with equal generators", IMAGES)
def _repeats_with_generators(subject: Subject) -> None:
    if not torch.equal(subject.result(draw(USUAL)), subject.usual):
        raise Broken("a second call gives other images; draw random numbers from given.generators alone")


@promise("another seed changes the result exactly if `random` says so", IMAGES)
def _seeds(subject: Subject) -> None:
    says = subject.method.random_of(subject.settings)
    differs = not torch.equal(subject.result(draw(USUAL), seed=1), subject.usual)
    if differs and not says:
        raise Broken("random is False, but another seed changes the result")
    if says and not differs:
        raise Broken(
            "random is True, but another seed changes nothing; say random = False, or draw from given.generators"
        )


@promise("an image's result does not depend on the others that are handed over with it", IMAGES)
def _batches(subject: Subject) -> str | None:
    if subject.method.joint:
        return "declared as joint"
    sample = draw(USUAL)
    last, usual = USUAL - 1, subject.usual[USUAL - 1 :]
    alone = _compare(subject.result(sample.only(last)), usual, "alone, an image's result differs")
    sample.images[:last] *= 0.2
    beside = _compare(subject.result(sample)[last:], usual, "beside darker images, an image's result differs")
    return alone or beside


def _compare(found: torch.Tensor, expected: torch.Tensor, what: str) -> str | None:
    """Compare two results that may differ by rounding."""
    difference = (found - expected).abs()
    most, mean = difference.max().item(), difference.mean().item()
    if most <= ROUNDING:
        return None
    if mean <= AMPLIFIED:
        return f"amplified rounding: {mean:.2g} on average, {most:.2g} at most"
    raise Broken(f"{what} by {mean:.2g} on average, {most:.2g} at most; expected rounding alone")


def _told(error: Exception, subject: Subject) -> str:
    return one_line(error, 300) if isinstance(error, UserError) else told(error, subject.file)
