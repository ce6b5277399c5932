"""`cosalpure contract`: a good method of each kind keeps every promise, and a broken twin of it breaks just the one."""

import pytest
import torch

from cosalpure.cli import main
from cosalpure.contract.promises import KINDS, outcomes, promises_of
from cosalpure.contract.subject import Subject
from cosalpure.errors import UserError
from cosalpure.methods import METHODS
from cosalpure.registry import Method
from cosalpure.schema import Model

IMAGES = ("degradation", "purifier")
ALL = tuple(KINDS)


def good(kind):
    """A method of a kind that keeps every promise."""

    def noise(images, given):
        draws = [torch.randn(images.shape[1:], generator=generator) for generator in given.generators]
        return (images + 0.05 * torch.stack(draws)).clamp(0, 1)

    return (lambda images, given: images[:, :1] * images[:, 2:]) if kind == "detector" else noise


def squeezed(images, values):
    return values.squeeze(0)


def gradient(images, values):
    weight = torch.ones((), requires_grad=True)
    return values * weight


def needs_gradients(images, values):
    weight = torch.ones((), requires_grad=True)
    (weight * 2).backward()
    return values * weight.grad.item() / 2


def in_place(images, values):
    images.mul_(0.5)
    return values


def nan_where_flat(images, values):
    flat = images.flatten(1).std(1) == 0
    return torch.where(flat[:, None, None, None], torch.nan, values)


def square_only(images, values):
    return values if images.shape[2] == images.shape[3] else values[..., images.shape[5]]


def draws_globally(images, values):
    return (values + 0.1 * torch.rand(values.shape)).clamp(0, 1)


def of_the_batch(images, values):
    return values * images.mean()


BROKEN = {  # id: (kinds, what becomes of good values, fields of the registry entry, promise, what the line says)
    "label": (ALL, None, {"label": 3}, "label and role", "label is 3; expected text"),
    "role": (IMAGES, None, {"role": "best"}, "label and role", "role is 'best'; expected one of reference, "),
    "role of a detector": (("detector",), None, {"role": "ours"}, "label and role", "expected none for a detector"),
    "files": (ALL, None, {"files": ("weigths",)}, "files are keys", "'weigths' is no setting; the settings are: none"),
    "files as text": (ALL, None, {"files": "weights"}, "files are keys", "expected a list, such as ['weights']"),
    "logits": (ALL, lambda i, v: v * 10 - 5, {}, "returns one", "expected [0, 1]"),
    "bytes": (ALL, lambda i, v: (v * 255).byte(), {}, "returns one", "values of type uint8"),
    "one channel too many": (ALL, lambda i, v: torch.cat([v, v[:, :1]], 1), {}, "returns one", "gave the shape"),
    "nothing": (ALL, lambda i, v: None, {}, "returns one", "gave a NoneType"),
    "foreground": (("detector",), lambda i, v: v / 2 + 0.5, {}, "maps have a background", "all foreground"),
    "squeezed": (ALL, squeezed, {}, "takes groups of", "of 1: "),
    "square only": (ALL, square_only, {}, "takes images of any size", "IndexError: tuple index out of range"),
    "NaN": (ALL, nan_where_flat, {}, "takes black and white", "image 0: "),
    "gradient": (ALL, gradient, {}, "leaves no gradients", "requires a gradient"),
    "detached": (
        ("purifier", "detector"),
        lambda i, v: v.detach(),
        {"differentiable": True},
        "passes gradients",
        "give a result",
    ),
    "needs gradients": (ALL, needs_gradients, {}, "gives the same under torch.no_grad()", "RuntimeError: "),
    "in place": (ALL, in_place, {}, "leaves what it is given unchanged", "changes images in place"),
    "draws": (("detector",), draws_globally, {}, "gives the same for the same images", "must not draw"),
    "draws globally": (IMAGES, draws_globally, {}, "gives the same with equal", "given.generators alone"),
    "random, undeclared": (IMAGES, None, {"random": False}, "another seed", "random is False, but"),
    "not random": (IMAGES, lambda i, v: i, {"random": True}, "another seed", "random is True, but"),
    "of the batch": (IMAGES, of_the_batch, {}, "an image's result does not depend", "an image's result differs by"),
}
CASES = [(kind, case) for case, (kinds, *_) in BROKEN.items() for kind in kinds]


def tried(kind, call, monkeypatch, **fields):
    """The outcomes of a method's promises, by their texts."""
    registry = METHODS[KINDS[kind]]
    monkeypatch.setitem(registry.builtin, "mine", Method(lambda settings: call, **fields))
    return {its.promise: its for its in outcomes(Subject.make(registry, "mine", Model()))}


@pytest.mark.parametrize("kind", KINDS)
def test_a_good_method_keeps_every_promise(kind, monkeypatch):
    found = tried(kind, good(kind), monkeypatch)
    assert len(found) >= 12 and [str(its) for its in found.values() if not its.kept] == []


@pytest.mark.parametrize(("kind", "case"), CASES)
def test_a_broken_method_breaks_its_promise_in_one_line(kind, case, monkeypatch):
    _, change, fields, promise, words = BROKEN[case]
    method = good(kind)
    call = (lambda images, given: change(images, method(images, given))) if change else method
    found = tried(kind, call, monkeypatch, **fields)
    (broken,) = (its for its in found.values() if its.promise.startswith(promise))
    assert broken.kept is False and words in broken.text and "\n" not in str(broken)
    if change not in (None, draws_globally, squeezed) and promise != "returns one":  # those break others with it
        assert [its.promise for its in found.values() if not its.kept] == [broken.promise]


@pytest.mark.parametrize("kind", KINDS)
def test_every_promise_has_a_broken_twin(kind):
    broken = [promise for kinds, _, _, promise, _ in BROKEN.values() if kind in kinds]
    texts = [its.text for its in promises_of(kind) if not its.text.startswith("runs with what")]  # below
    assert [text for text in texts if not any(text.startswith(its) for its in broken)] == []


@pytest.mark.parametrize(
    ("kind", "need"), [("degradation", "group"), ("purifier", "concept"), ("detector", "ground_truth")]
)
def test_a_need_that_is_not_declared_is_named_and_what_follows_is_not_tried(kind, need, monkeypatch):
    method = good(kind)

    def call(images, given):
        assert getattr(given, need) is not None
        return method(images, given)

    found = tried(kind, call, monkeypatch)
    broken = found["runs with what it says that it needs"]
    assert broken.kept is False and f"given.{need} is there; add '{need}' to its needs" in broken.text
    assert all(its.text == "not tried" for its in list(found.values())[3:])
    assert all(its.kept for its in tried(kind, call, monkeypatch, needs=frozenset({need})).values())


def test_a_method_that_fails_is_told_with_the_line_of_its_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(
        "class Mine:\n    def __init__(self, settings):\n        pass\n\n"
        "    def __call__(self, images, given):\n        return images.reshape(7)\n"
    )
    assert main(["contract", "mine.py:Mine", "--kind", "detector"]) == 1
    printed = capsys.readouterr().out
    assert "FAIL  runs with what it says that it needs: mine.py, line 6: RuntimeError: shape" in printed
    assert printed.splitlines()[-1] == "detector 'mine.py:Mine' breaks 1 of 13 promises"


def test_a_class_that_cannot_be_made_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("class Mine:\n    def __init__(self):\n        pass\n")
    assert main(["contract", "mine.py:Mine", "--kind", "purifier"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("cosalpure: purifier 'mine.py:Mine' cannot be made: TypeError: ")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["jpeg"], "'jpeg': say what it is: --kind degradation or --kind purifier"),
        (["x.py:Y"], "'x.py:Y': say what it is: --kind degradation or --kind purifier or --kind detector"),
        (["gicdd"], "unknown method 'gicdd' (did you mean 'gicd'?); choose from: none, "),
        (["jpeg", "--kind", "filter"], "--kind: unknown kind 'filter'; choose from: degradation, purifier, detector"),
        (["gicd"], "weights/gicd_ginet.pth: no such weights file"),
        (["vae_round_trip"], "purifier 'vae_round_trip' needs the text-to-image model; name a small one: --text-to-"),
        (["blur", "--settings", "{sgima: 1}"], "--settings: sgima: unknown key (did you mean 'sigma'?)"),
    ],
)
def test_mistakes_are_one_line(words, line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["contract", *words]) == 1
    (found,) = capsys.readouterr().err.splitlines()
    assert found.startswith(f"cosalpure: {line}")


@pytest.mark.parametrize(("words", "count"), [(["jpeg", "--kind", "purifier"], 14), (["none"], 13), (["fog"], 13)])
def test_a_registered_method_is_tried_by_its_name(words, count, capsys):
    assert main(["contract", *words]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith(f"keeps all {count} promises")


def test_a_need_that_the_kind_is_not_given_is_refused(monkeypatch):
    with pytest.raises(UserError, match="detector 'mine' needs 'concept'; a detector is given: label, ground_truth"):
        tried("detector", good("detector"), monkeypatch, needs=frozenset({"concept"}))
