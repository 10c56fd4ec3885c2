"""`flowfile version`."""

from __future__ import annotations

import json
import platform
import sys
from importlib.metadata import version as installed_version

from flowfile.cli import exits


def version(*, as_json: bool) -> int:
    """Print the versions that a bug report should name; gives the exit code."""
    found = {"flowfile": installed_version("flowfile"), "polars": installed_version("polars")}
    found |= {"python": platform.python_version(), "platform": platform.platform()}
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        sys.stdout.write("".join(f"{name} {value}\n" for name, value in found.items()))
    return exits.FINE
