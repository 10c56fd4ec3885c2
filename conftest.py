"""What every test of every part shares."""

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The services run on asyncio, so coroutine tests do too."""
    return "asyncio"
