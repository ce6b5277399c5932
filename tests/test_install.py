"""Which build of torch `make` installs."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[1]
LINUX, MAC = ("Linux", "x86_64"), ("Darwin", "arm64")
CASES = [  # TORCH, a GPU, the system: whether the CPU's build is fetched from PyTorch's index
    ("auto", False, LINUX, True),
    ("auto", True, LINUX, False),
    ("auto", False, MAC, False),
    ("auto", False, ("Linux", "aarch64"), False),
    ("cpu", True, LINUX, True),
    ("cuda", False, LINUX, False),
]


@pytest.fixture
def torch_script(monkeypatch):
    """envs/torch.py on a machine of one's choice, without torch; the commands that it would run."""

    def on(gpu, system, status=0):
        its, commands = runpy.run_path(str(ROOT / "envs/torch.py")), []
        its["main"].__globals__.update(
            has_gpu=lambda: gpu,
            is_installed=lambda: False,
            platform=SimpleNamespace(system=lambda: system[0], machine=lambda: system[1]),
            subprocess=SimpleNamespace(
                run=lambda command, **_: commands.append(command) or SimpleNamespace(returncode=status), DEVNULL=None
            ),
        )
        return its["main"], commands

    return on


@pytest.mark.parametrize(("choice", "gpu", "system", "fetched"), CASES)
def test_cuda_comes_only_where_there_is_a_gpu_or_it_is_asked_for(torch_script, choice, gpu, system, fetched):
    script, commands = torch_script(gpu, system)
    assert script([choice]) == 0 and bool(commands) == fetched
    if fetched:
        (pin,) = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line.startswith("torch==")]
        assert commands[0][-2:] == ["https://download.pytorch.org/whl/cpu", pin]


def test_an_index_that_cannot_be_reached_is_one_line_and_no_error(torch_script, capsys):
    script, _ = torch_script(False, LINUX, status=1)
    assert script(["auto"]) == 0
    assert "PyPI's build is taken" in capsys.readouterr().out.splitlines()[-1]


def test_another_build_is_refused(torch_script, capsys):
    assert torch_script(False, LINUX)[0](["gpu"]) == 1
    assert capsys.readouterr().err == "TORCH=gpu: expected one of auto, cpu, cuda\n"
