"""Commands let glibc keep freed memory; an import of the package, or a user's own choice, leaves the allocator as it is."""

import os
import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="about glibc")
IMPORT = "import cosalpure"
COMMAND = "from cosalpure.cli import main; main(['--version'])"
FAULTS = """
import resource
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def work():
    blocks = [bytearray(20 << 20) for _ in range(5)]  # 25,600 pages
work()
before = faults()
for _ in range(4):
    work()
print(faults() - before)
"""


def page_faults(start, **environment):
    """How many pages a process must ask for, that allocates and frees 100 MB four times after `start`."""
    kept = {key: value for key, value in os.environ.items() if key != "GLIBC_TUNABLES" and key[:7] != "MALLOC_"}
    command = [sys.executable, "-c", start + FAULTS]
    done = subprocess.run(command, env=kept | environment, capture_output=True, text=True, check=True)
    return int(done.stdout.splitlines()[-1])


def test_a_command_keeps_the_memory_that_it_has_freed():
    assert page_faults(COMMAND) < 1000


def test_an_import_changes_nothing():
    assert page_faults(IMPORT) > 50_000


@pytest.mark.parametrize(
    "chosen", [{"MALLOC_TRIM_THRESHOLD_": "131072"}, {"GLIBC_TUNABLES": "glibc.malloc.trim_threshold=131072"}]
)
def test_the_users_own_choice_stays(chosen):
    assert page_faults(COMMAND, **chosen) > 50_000


def test_without_glibc_nothing_happens(monkeypatch):
    from cosalpure import memory

    class NoGlibc:  # as musl's: it has mallopt neither
        pass

    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: NoGlibc())
    for name in [name for name in os.environ if name.startswith("MALLOC_") or name == "GLIBC_TUNABLES"]:
        monkeypatch.delenv(name)
    assert memory.keep_freed() is False
