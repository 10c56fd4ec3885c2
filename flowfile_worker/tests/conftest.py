"""Pools and services on real processes, with children that misbehave on purpose (`misbehaviour.py`)."""

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowfile_worker.pool import Pool
from flowfile_worker.settings import PoolSettings

sys.path.append(str(Path(__file__).parent))  # `worker_support`, for tests that are imported by path

from worker_support import FAKE, HERE, MakePool, Service, is_alive


@pytest.fixture(autouse=True, scope="session")
def _environment_of_children(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """They find the fake, and compile what they import once, not each of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", HERE)
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        patch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path_factory.mktemp("pycache")))
        yield


async def _stop(pool: Pool) -> None:
    """Stop a pool, and see that nothing is left of it."""
    pids = [child.pid for child in pool.roster.children]
    await pool.stop()
    assert not [pid for pid in pids if is_alive(pid)]
    assert list(pool.cache.temporary_folder.iterdir()) == []


@pytest.fixture
async def make_pool(tmp_path: Path) -> AsyncIterator[MakePool]:
    """Starts pools with settings of their own."""
    pools: list[Pool] = []

    async def make(**settings: Any) -> Pool:
        pool = Pool(replace(PoolSettings(cache_folder=tmp_path / "cache", perform=FAKE), **settings))
        pools.append(pool)
        await pool.start()
        return pool

    yield make
    for pool in pools:
        await _stop(pool)


@pytest.fixture(scope="module")
async def pool(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pool]:
    """A pool as the service has it, which the tests of a module share: starting children takes its time."""
    pool = Pool(PoolSettings(cache_folder=tmp_path_factory.mktemp("cache"), perform=FAKE))
    await pool.start()
    yield pool
    await _stop(pool)


@pytest.fixture
def start_service(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Starts services for one test."""
    services: list[Service] = []

    def start(*options: str, **settings: Any) -> Service:
        services.append(Service(tmp_path, *options, **settings))
        return services[-1]

    yield start
    for service in services:
        service.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that the tests of a module share."""
    service = Service(tmp_path_factory.mktemp("service")).warm()
    yield service
    service.close()
