"""Build steps that pyproject.toml cannot declare: the native scanner is optional, and the wheel's tag shows it.

`AFTERGLOW_NATIVE=0` builds without the scanner, `AFTERGLOW_NATIVE=1` fails where it cannot be compiled.
"""

import os
import shutil
import sys
import sysconfig

from setuptools import setup
from setuptools.command.build_ext import build_ext

try:
    from setuptools.command.bdist_wheel import bdist_wheel
except ImportError:  # setuptools before 70.1
    from wheel.bdist_wheel import bdist_wheel

NATIVE = os.environ.get("AFTERGLOW_NATIVE", "")
# A free-threaded Python has no stable ABI before 3.15; the Python decoder reads the same rows there.
POSSIBLE = not sysconfig.get_config_var("Py_GIL_DISABLED")


class BuildScanner(build_ext):
    """Compile the scanner. Where that fails, build without it and say so, unless it is required."""

    def run(self):  # noqa: D102
        if NATIVE == "0" or not POSSIBLE:
            self.extensions = []
        for extension in self.extensions:
            extension.optional = NATIVE != "1"
        super().run()
        if not all(os.path.exists(self.get_ext_fullpath(one.name)) for one in self.extensions):
            print("afterglow: built without the native scanner: no C compiler, or no Python headers", file=sys.stderr)
            self.extensions = []
        if not self.extensions:
            self.distribution.ext_modules = []


class TagWheel(bdist_wheel):
    """Tag a wheel with the scanner cp310-abi3-PLATFORM, one without it py3-none-any."""

    def run(self):  # noqa: D102
        # Nothing of an earlier build may get in, and the tag depends on what can be compiled.
        shutil.rmtree(self.get_finalized_command("build").build_lib, ignore_errors=True)
        self.run_command("build_ext")
        if not self.distribution.ext_modules:
            self.root_is_pure = True
        super().run()


setup(
    cmdclass={"build_ext": BuildScanner, "bdist_wheel": TagWheel},
    options={"bdist_wheel": {"py_limited_api": "cp310"}},
)
