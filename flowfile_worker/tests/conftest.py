"""Pools and services on real processes, with children that misbehave on purpose (`misbehaviour.py`)."""

import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flowfile_worker.pool import Pool
from flowfile_worker.settings import PoolSettings

sys.path.append(str(Path(__file__).parent))  # `worker_support`, for tests that are imported by path

from worker_support import FAKE, HERE, MakePool, Service, is_alive


@pytest.fixture(autouse=True, scope="session")
def _children_find_the_fake() -> None:
    os.environ["PYTHONPATH"] = HERE


@pytest.fixture
async def make_pool(tmp_path: Path) -> AsyncIterator[MakePool]:
    """Starts pools, and sees that nothing is left of them."""
    pools: list[Pool] = []

    async def make(**settings: Any) -> Pool:
        pool = Pool(PoolSettings(**{"cache_folder": tmp_path / "cache", "perform": FAKE, **settings}))
        pools.append(pool)
        await pool.start()
        return pool

    yield make
    for pool in pools:
        pids = [child.pid for child in pool.roster.children]
        await pool.stop()
        assert not [pid for pid in pids if is_alive(pid)]
        assert list(pool.cache.temporary_folder.iterdir()) == []


@pytest.fixture
async def pool(make_pool: MakePool) -> Pool:
    """A pool as the service has it."""
    return await make_pool()


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
