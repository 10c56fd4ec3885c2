"""Exit codes: what a script or a CI job can rely on."""

from __future__ import annotations

FINE = 0
FAILED = 1
INVALID = 2
INTERNAL = 4
SIGNALLED = 128
"""Added to a signal's number: 130 after Ctrl+C, 143 after SIGTERM."""

DESCRIPTION = """\
Exit codes:

- 0: fine
- 1: the work failed: a node, its data, memory, the disk
- 2: wrong usage or an invalid flow; nothing was run
- 4: an error in Flowfile itself
- 130: cancelled with Ctrl+C (143: by SIGTERM)
"""

_FAILURES = frozenset(
    {"bad_source", "bad_target", "bad_data", "path_forbidden", "out_of_memory", "disk_full", "worker_lost"}
)


def code_for(problem_code: str) -> int:
    """The exit code for an error that ended a command: was it the work, the request, or Flowfile itself?"""
    if problem_code == "internal_error":
        return INTERNAL
    return FAILED if problem_code in _FAILURES else INVALID
