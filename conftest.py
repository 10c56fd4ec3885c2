"""What every test of every part shares."""

from importlib import import_module

import pytest

# pytest names a test by its path from the root, `flowfile_engine.tests.test_x`. Unless the package is loaded by then,
# it takes the folder of the same name for `flowfile_engine`, and so does every import in the tests.
for _part in ("flowfile", "flowfile_core", "flowfile_engine", "flowfile_worker"):
    import_module(_part)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The services run on asyncio, so coroutine tests do too."""
    return "asyncio"
