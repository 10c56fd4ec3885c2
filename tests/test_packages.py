import subprocess
import sys

import pytest

LOADED = "import sys, {package}; print(*sorted(sys.modules))"


@pytest.mark.parametrize("package", ["flowfile", "flowfile_core", "flowfile_engine", "flowfile_worker"])
def test_importing_a_package_loads_no_heavy_library(package: str) -> None:
    code = LOADED.format(package=package)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"polars", "fastapi", "sqlalchemy"} & set(done.stdout.split())
