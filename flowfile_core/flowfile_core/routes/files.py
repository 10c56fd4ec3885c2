"""Flows as files: create, open, save, import, list, close."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from flowfile_core.flows.store import FlowRecord
from flowfile_core.messages import FlowSummary
from flowfile_core.routes.common import FlowOf, Limit, ServicesOf, answer, documented, private_router, raw
from flowfile_core.security import CurrentUser

router = private_router("flows")

_MAX_TEXT = 32 << 20
PathText = Annotated[str, Field(min_length=1, max_length=4_096)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CreateRequest(_Request):
    """A new flow."""

    name: Annotated[str, Field(min_length=1, max_length=1_000)] = "Untitled flow"


class OpenRequest(_Request):
    """A flow to open. A relative path starts at the first root, or at the home folder."""

    path: PathText


class ImportRequest(_Request):
    """The text of a flow file, to be a flow that has no file yet."""

    text: Annotated[str, Field(max_length=_MAX_TEXT)]


class SaveRequest(_Request):
    """How to save.

    Attributes:
        overwrite: also where something else wrote the file in the meantime.
    """

    overwrite: bool = False


class SaveAsRequest(SaveRequest):
    """Where to save."""

    path: PathText


class FlowList(BaseModel):
    """A person's flows.

    Attributes:
        open: those that are open.
        recent: all, the one opened last first.
    """

    open: list[FlowSummary]
    recent: list[FlowRecord]


_LIST = TypeAdapter(FlowList)


@router.get("/flows", **documented(FlowList))
async def list_flows(services: ServicesOf, user: CurrentUser, limit: Limit = 100) -> Response:
    """List the flows that are open, and those that were opened before."""
    await services.flows.load_open(user.user_id)
    flows = services.flows.loaded(user.user_id)
    for flow in flows:
        flow.check_file()
    recent = await services.flows.records(user.user_id, limit)
    listing = FlowList.model_construct(open=[flow.summary() for flow in flows], recent=recent)
    return raw(_LIST.dump_json(listing))


@router.post("/flows", **documented(FlowSummary, 201))
async def create_flow(services: ServicesOf, user: CurrentUser, request: CreateRequest) -> Response:
    """Make a new, empty flow. It has no file until it is saved."""
    flow = await services.flows.create(user.user_id, request.name)
    return answer(flow.summary(), 201)


@router.post("/flows/open", **documented(FlowSummary))
async def open_flow(services: ServicesOf, user: CurrentUser, request: OpenRequest) -> Response:
    """Open the flow in a file; one that is open already is given again."""
    flow = await services.flows.open(user.user_id, request.path)
    return answer(flow.summary())


@router.post("/flows/import", **documented(FlowSummary, 201))
async def import_flow(services: ServicesOf, user: CurrentUser, request: ImportRequest) -> Response:
    """Make a flow of the text of a flow file. It has no file until it is saved."""
    flow = await services.flows.import_text(user.user_id, request.text)
    return answer(flow.summary(), 201)


@router.post("/flows/{flow_id}/save", **documented(FlowSummary))
async def save_flow(services: ServicesOf, flow: FlowOf, request: SaveRequest | None = None) -> Response:
    """Write a flow to its file."""
    await services.flows.save(flow, overwrite=request is not None and request.overwrite)
    return answer(flow.summary())


@router.post("/flows/{flow_id}/save-as", **documented(FlowSummary))
async def save_flow_as(services: ServicesOf, flow: FlowOf, request: SaveAsRequest) -> Response:
    """Write a flow to another file, which is its file from now on."""
    await services.flows.save_as(flow, request.path, overwrite=request.overwrite)
    return answer(flow.summary())


@router.delete("/flows/{flow_id}", status_code=204)
async def close_flow(services: ServicesOf, flow: FlowOf, discard: Annotated[bool, Query()] = False) -> None:
    """Close a flow. Edits that were not saved are in the way, unless they are to be discarded."""
    await services.flows.close(flow, discard=discard)
