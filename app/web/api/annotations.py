"""Annotations: remarks at commits, some of which begin a new level."""

from datetime import datetime
from http import HTTPStatus

from pydantic import Field

from app.db.models import AnnotationKind
from app.db.queries import annotations
from app.db.queries.annotations import Remark
from app.deps import Deps
from app.handlers import annotations as deciding
from app.rights import Right
from app.web import auth
from app.web.api.operations import Given, Told, operation
from app.web.api.paging import Page, Paged, page
from app.web.api.shifts import repository_named
from app.web.api.words import Commit, FullName, Line, Word
from app.web.auth import Actor


class AnnotationFilter(Paged):
    """Which annotations: those of one repository."""

    repository: FullName
    board_type: Word | None = Field(default=None, description="of these boards, and of all")
    configuration: Word | None = None


class NewAnnotation(Given):
    """What happened at a commit besides the commit."""

    repository: FullName
    commit: Commit
    kind: AnnotationKind = Field(default=AnnotationKind.NOTE, strict=False)
    text: Line = Field(min_length=1)
    cuts: bool = Field(default=False, description="a new level begins here, without an alert")
    board_type: Word | None = Field(default=None, description="only on these boards")
    configuration: Word | None = None


class AnnotationTold(Told):
    """One remark at a commit."""

    id: int
    forge: str
    repository: str
    commit: str
    kind: AnnotationKind
    text: str
    cuts: bool
    board_type: str | None
    configuration: str | None
    said_by: str
    said_at: datetime


@operation("GET", "/annotations", query=AnnotationFilter, answer=Page[AnnotationTold])
async def list_annotations(deps: Deps, *, query: AnnotationFilter) -> Page[AnnotationTold]:
    """List the remarks at commits of a repository, said last first."""
    about = {"board_type": query.board_type, "configuration": query.configuration}
    async with deps.begin() as db:
        repository_id = await repository_named(db, query.repository)
        before = query.cursor or None
        found = await annotations.list_(db, repository_id, **about, before=before, limit=query.limit + 1)
    return page([AnnotationTold.model_validate(each) for each in found], limit=query.limit)


@operation(
    "POST",
    "/annotations",
    right=Right.TRIAGE,
    finds_place=True,
    body=NewAnnotation,
    answer=AnnotationTold,
    status=HTTPStatus.CREATED,
)
async def annotate(deps: Deps, *, actor: Actor, body: NewAnnotation) -> AnnotationTold:
    """Say something at a commit of a history. One that cuts has the series it is about looked at anew."""
    async with deps.begin() as db:
        repository_id = await repository_named(db, body.repository)
    auth.act_in(actor, Right.TRIAGE, repository_id)
    remark = Remark(**{name: getattr(body, name) for name in Remark.__dataclass_fields__})
    made = await deciding.annotate(deps, repository_id, body.commit, remark, actor=actor.name)
    async with deps.begin() as db:
        (row,) = await annotations.list_(db, repository_id, before=made + 1, limit=1)
    return AnnotationTold.model_validate(row)


@operation("DELETE", "/annotations/{annotation_id}", right=Right.TRIAGE)
async def remove_annotation(deps: Deps, *, actor: Actor, annotation_id: int) -> None:
    """Take a remark back; what it cut is one again."""
    await deciding.take_back(deps, annotation_id, actor=actor.name)
