"""Dispatch: a user asks for a pipeline of one commit, of a repository that is served or of an allowed remote."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated, Protocol

from pydantic import ConfigDict, Field, SecretStr, model_validator

from app.db.models import Priority, Trigger
from app.db.queries import audit, boards, repositories
from app.deps import Deps
from app.dispatch import plan, remotes
from app.errors import Conflict, NotFound
from app.rights import Right
from app.web import auth
from app.web.api.operations import Given, operation
from app.web.api.pipelines import PipelineTold, show_pipeline
from app.web.api.words import Address, Commit, FullName, Word, WorkKind
from app.web.auth import Actor
from builders.protocol import MAX_JOB_S

MOST_NAMES = 100
MOST_REPEATS = 100

Names = Annotated[list[Word], Field(max_length=MOST_NAMES)]


class Work(Given):
    """Where code comes from, and which targets it is for."""

    repository: FullName | None = Field(default=None, description="full name of one that is served; or remote_url")
    remote_url: Address | None = Field(
        default=None, description="on a configured forge, or below RIGLINE_ALLOWED_REMOTES"
    )
    seconds: float | None = Field(
        default=None, gt=0, le=MAX_JOB_S, allow_inf_nan=False, description="each job's limit, from claim to end"
    )
    boards: Names = Field(default=[], description="names of boards or board types; none: all")
    tags: Names = Field(default=[], description="all of these; `-tag`: not this one")
    configurations: Names = Field(default=[], description="none: all")
    token: SecretStr | None = Field(
        default=None,
        min_length=1,
        max_length=1000,
        description="for a private remote; kept encrypted until the last job ends, and never shown",
    )

    @model_validator(mode="after")
    def _names_one_source(self) -> "Work":
        if (self.repository is None) == (self.remote_url is None):
            raise ValueError("give either repository or remote_url")
        if self.token is not None and (self.remote_url or "https:").partition(":")[0] == "file":
            raise ValueError("token: a file: remote takes none")
        return self


class Dispatch(Work):
    """What is to be built, or built and run, where."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "run", "repository": "acme/app", "commit": "0" * 40}]}
    )
    kind: WorkKind
    commit: Commit
    repeat: int = Field(default=1, ge=1, le=MOST_REPEATS, description="run phases whose samples accumulate")


@dataclass(frozen=True, kw_only=True)
class AsPreset:
    """Which preset a dispatch was asked for by, and with which arguments."""

    name: str
    arguments: Mapping[str, str]


@operation(
    "POST",
    "/pipelines",
    right=Right.DISPATCH,
    finds_place=True,
    body=Dispatch,
    answer=PipelineTold,
    status=HTTPStatus.CREATED,
)
async def dispatch(deps: Deps, *, actor: Actor, body: Dispatch) -> PipelineTold:
    """Open a pipeline for one commit.

    422 for a board, configuration, tag or remote that does not exist or is not allowed; 404 for an unknown
    repository; 409 while no board is registered.
    """
    return await ask(deps, body, actor)


async def ask(deps: Deps, body: Dispatch, actor: Actor, preset: AsPreset | None = None) -> PipelineTold:
    """Open what a dispatch asks for, be it given whole or by a preset."""
    repository_id = await repository_of(deps, actor, body)
    request = _request(body, repository_id, actor)
    if preset is None:
        return await opened(deps, request, actor)
    request = replace(request, preset=preset.name, arguments=preset.arguments)
    return await opened(deps, request, actor, detail=f"preset {preset.name}")


async def opened(deps: Deps, request: plan.PipelineRequest, actor: Actor, *, detail: str = "") -> PipelineTold:
    """Open what a person asks for, and write down who it was.

    Raises:
        Conflict: no board is registered.
        Invalid: a name that nobody offers.
    """
    planned = await plan.open_pipeline(deps, request)
    async with deps.begin() as db:
        await audit.record(db, "pipeline.dispatched", actor=actor.name, pipeline_id=planned.pipeline_id, detail=detail)
    return await show_pipeline(deps, pipeline_id=planned.pipeline_id)


def _request(body: Dispatch, repository_id: int, actor: Actor) -> plan.PipelineRequest:
    return plan.PipelineRequest(
        repository_id=repository_id,
        commit=body.commit,
        kind=body.kind,
        trigger=Trigger.DISPATCH,
        trust=f"dispatched by {actor.name}",
        requested_by=actor.name,
        limit_s=body.seconds,
        repeat=body.repeat,
        boards=body.boards,
        tags=body.tags,
        configurations=body.configurations,
        token=body.token.get_secret_value() if body.token else None,
        priority=Priority.BRANCH,
    )


class Source(Protocol):
    """What names a repository."""

    @property
    def repository(self) -> str | None:
        """Give the full name of one that is served."""

    @property
    def remote_url(self) -> str | None:
        """Give the address of one that is only fetched from."""


async def repository_of(deps: Deps, actor: Actor, source: Source) -> int:
    """Find the repository that work is asked for in, and act there; one that is only fetched from is added.

    One that is fetched with a token is private from then on.

    Raises:
        Conflict: no board is registered, so nothing could run.
        Forbidden: the actor may not dispatch there.
        NotFound: it is not served, or the actor may not see it.
        Invalid: the address may not be fetched from.
    """
    name, url, token = source.repository, source.remote_url, getattr(source, "token", None)
    remote = None if url is None else remotes.checked(url, deps.settings)
    async with deps.begin() as db:
        if not await boards.targets_offered(db):
            raise Conflict(
                "No board is registered, so nothing can run. `rigline builder create NAME` is the first step."
            )
        if remote is not None:
            known = await repositories.by_clone_url(db, remote)
            chosen = int(known["id"]) if known else await repositories.add_remote(db, remote)
            auth.act_in(actor, Right.DISPATCH, chosen)
            if token is not None:
                await repositories.hide_remote(db, chosen)
            return chosen
        found = await repositories.by_name(db, name or "")
    if found is None:
        raise NotFound(f"No repository {name} is served. `rigline repo add` adds one; `rigline repo list` names them.")
    auth.act_in(actor, Right.DISPATCH, found["id"])
    return int(found["id"])
