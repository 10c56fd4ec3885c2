"""`python -m flowfile_core.codegen` writes `openapi.json`, from which the Designer's types are generated."""

from __future__ import annotations

import json
from pathlib import Path

from flowfile_core.app import create_app
from flowfile_core.settings import Settings

TARGET = Path(__file__).parent / "openapi.json"


def openapi_text() -> str:
    """The OpenAPI document as text; the same code always gives the same text."""
    document = create_app(Settings()).openapi()
    # The installed version is no part of the contract.
    document["info"]["version"] = "1"
    return json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def main() -> None:
    """Write the document."""
    TARGET.write_text(openapi_text(), encoding="utf-8")


if __name__ == "__main__":
    main()
