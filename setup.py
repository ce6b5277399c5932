"""Put the workflow's files, which lie at the top of the repository, into the wheel: cosalpure/assets/workflow/."""

import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from cosalpure.workflow import names  # noqa: E402  (it needs the standard library alone)


class BuildPy(build_py):
    """The package's own files, then the workflow's. An editable install reads the latter where they lie."""

    def run(self):
        """Copy all files to the folder that becomes the wheel."""
        super().run()
        if not self.editable_mode:
            for name in names(ROOT):
                target = Path(self.build_lib, "cosalpure/assets/workflow", name)
                self.mkpath(str(target.parent))
                self.copy_file(str(ROOT / name), str(target))

    def get_source_files(self):
        """List what a source distribution must hold."""
        return [*super().get_source_files(), *names(ROOT)]


setup(cmdclass={"build_py": BuildPy})
