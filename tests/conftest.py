"""What tests that cross parts share: the product, started once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))  # `product_support`, for tests that are imported by path

from product_support import Client, Product

from examples import data

PREPARED = Path.home() / ".cache" / "flowfile" / "nycflights13"


@pytest.fixture(scope="session")
def prepared() -> Path:
    """The folder of the sample tables, made once a machine; set-up brings what they are made of."""
    data.prepare(PREPARED)
    return PREPARED


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Core and its Worker as they are by default, confined to pytest's folder. Nothing in it may be killed."""
    with Product(tmp_path_factory.mktemp("product"), roots=tmp_path_factory.getbasetemp()) as product:
        yield product


@pytest.fixture
def client(product: Product) -> Iterator[Client]:
    """A window of the shared product."""
    with product.core() as client:
        yield client


@pytest.fixture
def start_product(tmp_path: Path) -> Iterator[Callable[..., Product]]:
    """Starts products of one test's own, which it may kill."""
    with ExitStack() as stack:

        def start(**settings: Any) -> Product:
            return stack.enter_context(Product(tmp_path / "product", **settings))

        yield start
