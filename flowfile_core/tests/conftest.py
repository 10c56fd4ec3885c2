"""Fixtures of Core's tests (see `core_support`)."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from flowfile_core.settings import Settings

sys.path.append(str(Path(__file__).parent))  # `core_support`, for tests that are imported by path

from core_support import INTERNAL, Core, WorkerDouble, running_core, serving


@pytest.fixture
async def worker(tmp_path: Path) -> AsyncGenerator[WorkerDouble]:
    double = WorkerDouble(tmp_path / "results")
    async with serving(double.app) as url:
        double.url = url
        yield double


@pytest.fixture
def settings(tmp_path: Path, worker: WorkerDouble) -> Settings:
    return Settings.model_validate(
        {"data_dir": tmp_path / "data", "port": 0, "worker_url": worker.url, "internal_token": INTERNAL}
    )


@pytest.fixture
async def core(settings: Settings) -> AsyncGenerator[Core]:
    async with running_core(settings) as found:
        yield found
