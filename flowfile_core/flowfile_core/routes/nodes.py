"""The steps of a flow and their schemas."""

from __future__ import annotations

from fastapi import Response

from flowfile_core.flows.views import NodeDetails, SchemaView, node_details, schema_view
from flowfile_core.routes.common import FlowOf, NodeKey, Seconds, answer, documented, private_router, step_of

router = private_router("nodes")


@router.get("/flows/{flow_id}/nodes/{node_id}", **documented(NodeDetails))
async def get_node(flow: FlowOf, node_id: NodeKey, wait: Seconds = 0) -> Response:
    """Give a step whole: settings, problems, and the columns that come in and go out.

    `wait` seconds are waited for a schema that the Worker has yet to tell.
    """
    pending = await flow.schema_pending(step_of(flow, node_id).node_id, wait)
    return answer(node_details(flow.graph, step_of(flow, node_id), flow.revision, pending=pending))


@router.get("/flows/{flow_id}/nodes/{node_id}/schema", **documented(SchemaView))
async def get_schema(flow: FlowOf, node_id: NodeKey, wait: Seconds = 0) -> Response:
    """Give the columns of a step's outputs.

    `wait` seconds are waited for a schema that the Worker has yet to tell.
    """
    pending = await flow.schema_pending(step_of(flow, node_id).node_id, wait)
    return answer(schema_view(step_of(flow, node_id), flow.revision, pending=pending))
