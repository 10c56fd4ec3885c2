"""A flow whole, and its edits."""

from __future__ import annotations

from typing import Any

from fastapi import Response
from pydantic_core import to_json

from flowfile_core.flows.edits import ConflictAnswer, EditAnswer, EditRequest, UndoRequest
from flowfile_core.flows.views import FlowState
from flowfile_core.problems import MEDIA_TYPE, ProblemDetails
from flowfile_core.routes.common import FlowOf, answer, documented, private_router, raw

router = private_router("editing")

_CONFLICT = {"$ref": f"#/components/schemas/{ConflictAnswer.__name__}"}
_PROBLEM = {"$ref": f"#/components/schemas/{ProblemDetails.__name__}"}


def _refused(description: str, schema: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    return {409: {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}}


_COLLIDED = _refused("What the edit touches was changed since", _CONFLICT)
_NOT_THAT = _refused(
    "There is nothing to take back, or the flow is at another revision", {"anyOf": [_CONFLICT, _PROBLEM]}
)


@router.get("/flows/{flow_id}", **documented(FlowState))
async def get_flow(flow: FlowOf) -> Response:
    """Give a flow whole: its document, and what is known of each step."""
    await flow.predictor.settled()
    flow.check_file()
    head = flow.summary().model_dump_json().encode()
    states = to_json(flow.node_states())
    return raw(b'%s,"document":%s,"node_states":%s}' % (head[:-1], flow.document_json(), states))


@router.post("/flows/{flow_id}/edits", responses=_COLLIDED, **documented(EditAnswer))
async def edit_flow(flow: FlowOf, request: EditRequest) -> Response:
    """Edit a flow. All operations are done, or none.

    An edit that was drawn up on an older revision is taken if nothing that it touches was changed since.
    """
    return answer(await flow.edit(request.revision, request.operations))


@router.post("/flows/{flow_id}/undo", responses=_NOT_THAT, **documented(EditAnswer))
async def undo(flow: FlowOf, request: UndoRequest | None = None) -> Response:
    """Take the last edit back, whoever made it."""
    return answer(await flow.undo(None if request is None else request.revision))


@router.post("/flows/{flow_id}/redo", responses=_NOT_THAT, **documented(EditAnswer))
async def redo(flow: FlowOf, request: UndoRequest | None = None) -> Response:
    """Make the edit again that was undone last."""
    return answer(await flow.redo(None if request is None else request.revision))
