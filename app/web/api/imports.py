"""Results from elsewhere: a file of one commit that no job of ours measured."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from app.db.queries import audit, repositories
from app.db.queries.series import Place
from app.deps import Deps
from app.errors import NotFound
from app.results.importing import Dated, bring
from app.rights import Right
from app.web import auth
from app.web.api.operations import Given, Told, operation
from app.web.api.words import Commit, FullName, Line, Word
from app.web.auth import Actor
from builders.protocol import MAX_PATTERN, MAX_RESULT, WantedFormat

Short = Annotated[Word, Field(max_length=50)]


class Imported(Given):
    """What a file is of, and how it is to be read."""

    repository: FullName
    commit: Commit
    board_type: Word
    configuration: Word
    branch: Annotated[Line, Field(max_length=255)] | None = Field(
        default=None, description="of the series; none: the repository's default branch"
    )
    format: Short | None = Field(default=None, description="name of a format; none: the content decides")
    pattern: str | None = Field(default=None, max_length=MAX_PATTERN, description="for the format `pattern`")
    benchmark: Line | None = Field(default=None, description="name of a benchmark whose file tells none")
    unit: Short | None = Field(default=None, description="of values whose file tells none")
    better: Literal["lower", "higher"] | None = Field(default=None, description="where neither file nor unit say it")
    committed_at: AwareDatetime | None = Field(
        default=None, description="when the commit was made, if git told nothing of it here"
    )
    measured_at: AwareDatetime | None = Field(default=None, description="none: now")
    title: Line = ""
    author: Annotated[Line, Field(max_length=200)] = ""


class ImportTold(Told):
    """What became of the file."""

    id: int
    format: str
    note: str
    measurements: int
    is_new: bool = Field(description="false: the same file was brought for the same commit and place before")


@operation(
    "POST",
    "/imports",
    right=Right.CONFIGURE,
    finds_place=True,
    query=Imported,
    answer=ImportTold,
    upload=MAX_RESULT,
)
async def import_results(deps: Deps, *, actor: Actor, query: Imported, data: bytes) -> ImportTold:
    """Store what a result file says of one commit; the body is the file. May be repeated. 422: no format fits it."""
    async with deps.begin() as db:
        repository = await repositories.by_name(db, query.repository)
    if repository is None:
        raise NotFound(f"There is no repository {query.repository} here.")
    auth.act_in(actor, Right.CONFIGURE, repository["id"])
    place = Place(
        repository_id=repository["id"],
        branch=repository["default_branch"] if query.branch is None else query.branch,
        board_type=query.board_type,
        configuration=query.configuration,
    )
    found = await bring(deps, place, _dated(query), data, _wanted(query), imported_by=actor.name)
    if found.is_new:
        async with deps.begin() as db:
            said = f"{query.repository} {query.commit} {found.note}"[:500]
            await audit.record(db, "results.imported", actor=actor.name, detail=said)
    return ImportTold(
        id=found.import_id,
        **{name: getattr(found, name) for name in ("format", "note", "measurements", "is_new")},
    )


def _dated(query: Imported) -> Dated:
    times: dict[str, datetime | None] = {"committed_at": query.committed_at, "measured_at": query.measured_at}
    return Dated(sha=query.commit, title=query.title, author=query.author, **times)


def _wanted(query: Imported) -> WantedFormat:
    names = ("pattern", "benchmark", "unit", "better")
    return WantedFormat(name=query.format, **{name: getattr(query, name) for name in names})
