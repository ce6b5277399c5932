"""Commands that start at once: copies of a process that has imported the large packages already.

Importing torch, diffusers and transformers takes a job of the tests' small workflows longer than its work. A `Warm` makes an
environment beside the real one: the same packages, but its commands `cosalpure` and `snakemake` ask that process for a copy
of itself, which runs the command with the caller's arguments, folder, variables and files. `cosalpure` itself is imported by
each copy, as edits and PYTHONPATH decide what it is. Such a copy is not a child of who asked: do not kill it, do not measure it.

    with Warm(folder) as warm:
        subprocess.run([warm.bin / "cosalpure", "doctor"])
"""

import contextlib
import importlib
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

PACKAGES = (
    *("torch.nn.functional", "torch.optim.swa_utils", "torch.utils.checkpoint", "safetensors.torch", "pyarrow.parquet"),
    *("diffusers", "diffusers.models.attention_processor", "transformers", "skimage.color", "skimage.filters"),
    *("scipy.ndimage", "scipy.stats", "matplotlib.figure", "jinja2", "tabulate", "typer", "pydantic", "tqdm"),
    *("snakemake.cli", "snakemake.persistence.file", "filelock", "requests"),
)
LAZY = {  # what these packages import when it is asked for
    "diffusers": ("AutoencoderKL", "DDPMScheduler", "DPMSolverMultistepScheduler", "UNet2DConditionModel"),
    "transformers": ("CLIPTextModel", "CLIPTokenizer"),
}
COMMANDS = {"cosalpure": "cosalpure.cli", "snakemake": "snakemake.cli"}
KILLED = 137
CLIENT = """\
#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    socket.send_fds(server, [b"0"], [0, 1, 2])
    server.sendall(json.dumps([{python_here!r}, sys.argv, os.getcwd(), dict(os.environ)]).encode())
    server.shutdown(socket.SHUT_WR)
    status = server.recv(1)
sys.exit(status[0] if status else {killed})
"""


class Warm:
    """The environment, in `folder`, and the process behind it; both inside a `with` block."""

    def __init__(self, folder):
        self.bin = Path(folder) / "bin"
        self.python = self.bin / "python"

    def __enter__(self):
        real = Path(sys.executable).parent
        self.bin.mkdir(parents=True)
        self.python.symlink_to(sys.executable)
        for name in ("pyvenv.cfg", "lib"):
            (self.bin.parent / name).symlink_to(real.parent / name)
        self.sockets = tempfile.TemporaryDirectory()  # its path must be short
        address = f"{self.sockets.name}/socket"
        for name in COMMANDS:
            words = {"python": sys._base_executable, "python_here": str(self.python), "killed": KILLED}
            (self.bin / name).write_text(CLIENT.format(address=address, **words))
            (self.bin / name).chmod(0o755)
        environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        environment |= {"TRANSFORMERS_VERBOSITY": "error", "DIFFUSERS_VERBOSITY": "error"}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen([sys.executable, __file__, address], env=environment, **pipes)
        assert self.process.stdout.readline() == b"ready\n"
        return self

    def __exit__(self, *_):
        self.process.communicate()  # the end of its input ends it
        self.sockets.cleanup()


def serve(address):
    """Import, then answer every caller with a copy of this process until standard input ends."""
    for name in PACKAGES:
        importlib.import_module(name)
    for package, names in LAZY.items():
        for name in names:
            getattr(sys.modules[package], name)
    assert not any(name.partition(".")[0] == "cosalpure" for name in sys.modules)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen(100)
        print("ready", flush=True)
        while sys.stdin not in select.select([server, sys.stdin], [], [])[0]:
            caller, _ = server.accept()
            if os.fork() == 0:
                server.close()
                _answer(caller)
            caller.close()
            _forget_ended()
        _forget_ended()


def _forget_ended():
    with contextlib.suppress(ChildProcessError):  # there is none
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _answer(caller):
    """Run what the caller asks for, as in a process of its own, and send its status."""
    _, files, *_ = socket.recv_fds(caller, 1, 3)
    python, words, folder, variables = json.load(caller.makefile("rb"))
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)
    sys.executable, sys.argv = python, words
    sys.path[:1] = [str(Path(words[0]).parent), *filter(None, variables.get("PYTHONPATH", "").split(os.pathsep))]
    try:
        sys.exit(importlib.import_module(COMMANDS[Path(words[0]).name]).main())
    except SystemExit as end:  # its code may be a message
        status = end.code or 0
        if not isinstance(status, int):
            print(status, file=sys.stderr)
            status = 1
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    caller.sendall(bytes([status % 256]))
    os._exit(status)


if __name__ == "__main__":
    serve(sys.argv[1])
    os._exit(0)  # taking all modules apart would take seconds
