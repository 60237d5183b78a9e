"""What is installed: the folder `exporter` as the package `threatboard` (docs/decisions/0011-…)."""

import re
import sys
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

FOLDER, INSTALLED = "exporter", "threatboard"
IMPORT = re.compile(rf"^(\s*(?:from|import) ){FOLDER}\b", re.MULTILINE)


class Renamed(build_py):
    """Copies the modules into the wheel, with their imports of one another under the installed name."""

    def build_module(self, module: str, module_file: str, package: str) -> tuple[str, bool]:
        written, copied = super().build_module(module, module_file, package)
        path = Path(written)
        path.write_text(IMPORT.sub(rf"\1{INSTALLED}", path.read_text(encoding="utf-8")), encoding="utf-8")
        return written, copied


folders = find_packages(include=[FOLDER, f"{FOLDER}.*"])
renamed = [INSTALLED + name.removeprefix(FOLDER) for name in folders]
# An editable installation is the checkout itself, where nothing is rewritten: there both names lead to the folder.
packages = folders + renamed if "editable_wheel" in sys.argv else renamed
setup(packages=packages, package_dir={INSTALLED: FOLDER}, cmdclass={"build_py": Renamed})
