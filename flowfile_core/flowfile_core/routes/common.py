"""What routes share."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel

from flowfile_core.flows.flow import OpenFlow
from flowfile_core.flows.operations import find_step_id
from flowfile_core.problems import RESPONSES
from flowfile_core.security import CurrentUser, current_user
from flowfile_core.services import Services
from flowfile_core.strict_json import StrictRoute
from flowfile_engine.errors import GraphError, NotFoundError
from flowfile_engine.graph.step import NodeStep

JSON = "application/json"


def private_router(tag: str) -> APIRouter:
    """A router whose routes all need the current user."""
    return APIRouter(tags=[tag], route_class=StrictRoute, responses=RESPONSES, dependencies=[Depends(current_user)])


async def _services(request: Request) -> Services:
    return cast("Services", request.app.state.services)


ServicesOf = Annotated[Services, Depends(_services)]
FlowId = Annotated[int, Path(ge=1, le=2**53, description="the flow's number")]
NodeKey = Annotated[str, Path(max_length=400, description="the step's id; an integer is written in digits")]
Limit = Annotated[int, Query(ge=1, le=1_000)]
Offset = Annotated[int, Query(ge=0, le=2**53)]
Seconds = Annotated[float, Query(ge=0, le=600)]


async def _flow(services: ServicesOf, user: CurrentUser, flow_id: FlowId) -> OpenFlow:
    return await services.flows.get(user.user_id, flow_id)


FlowOf = Annotated[OpenFlow, Depends(_flow)]
"""The flow that the URL names, if it is the current user's."""


def step_of(flow: OpenFlow, key: str) -> NodeStep:
    """The step that a URL names.

    Raises:
        NotFoundError: the flow has none of that id.
    """
    try:
        return flow.graph.step(find_step_id(flow.graph, key))
    except GraphError as error:
        raise NotFoundError(error.message, node_id=key) from None


def answer(model: BaseModel, status: int = 200) -> Response:
    """A model as the answer: it is ours, so it is not validated again."""
    return Response(model.model_dump_json(), status, media_type=JSON)


def raw(body: bytes | str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """JSON that was made already."""
    return Response(body, status, headers, JSON)


def documented(model: Any, status: int = 200) -> dict[str, Any]:
    """What a route that answers with ready JSON says of it in the OpenAPI document."""
    return {"response_model": model, "status_code": status}
