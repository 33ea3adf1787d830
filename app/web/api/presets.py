"""Presets: dispatches that were saved under a name, and are asked for with a few arguments.

A page that offers them lists `handlers.presets.list_` and calls `dispatch_preset`.
"""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from pydantic import Field, SecretStr, model_validator

from app.db.queries import audit, presets
from app.db.queries.presets import PresetView
from app.deps import Deps
from app.errors import Conflict, Invalid, NotFound
from app.handlers import presets as saved
from app.handlers.presets import Value
from app.rights import Right
from app.web.api.dispatching import MOST_NAMES, MOST_REPEATS, AsPreset, Dispatch, ask
from app.web.api.operations import Given, Told, operation, read_value
from app.web.api.paging import Page, Paged, page
from app.web.api.pipelines import PipelineTold
from app.web.api.words import Line, Name, WorkKind
from app.web.auth import Actor
from builders.protocol import MAX_JOB_S

MOST_ARGUMENTS = 20
MOST_PATTERNS = 20
SECRETS = ("token", "secret", "password", "credential")  # parts of names whose values nobody should read

Text = Annotated[Line, Field(min_length=1)]
Texts = Annotated[list[Text], Field(max_length=MOST_NAMES)]
ArgumentName = Annotated[str, Field(pattern=f"^{saved.NAME}$")]


class PresetArgument(Given):
    """What may be given for one argument."""

    default: Line | None = Field(default=None, description="null: it must be given")
    patterns: list[Text] = Field(
        default=[],
        max_length=MOST_PATTERNS,
        description="globs, as of branches in rules, of which one must fit; none: anything",
    )
    description: Line = ""


class PresetWork(Given):
    """The fields of a dispatch; `{name}` in a text stands for an argument."""

    kind: WorkKind
    repository: Text | None = Field(default=None, description="full name; neither this nor remote_url: the only one")
    remote_url: Text | None = None
    commit: Text | None = Field(default=None, description="full hash; null: the one that the branch is at")
    branch: Text | None = Field(default=None, description="null: the default branch")
    boards: Texts = Field(default=[])
    tags: Texts = Field(default=[])
    configurations: Texts = Field(default=[])
    seconds: Annotated[float, Field(gt=0, le=MAX_JOB_S, allow_inf_nan=False)] | Text | None = None
    repeat: Annotated[int, Field(ge=1, le=MOST_REPEATS)] | Text = 1

    @model_validator(mode="after")
    def _fits_together(self) -> "PresetWork":
        if self.repository is not None and self.remote_url is not None:
            raise ValueError("give either repository or remote_url")
        if self.remote_url is not None and self.commit is None:
            raise ValueError("commit: a remote needs one; `{commit}` makes it an argument")
        return self


class Preset(Given):
    """A dispatch to be saved."""

    description: Line = ""
    work: PresetWork
    arguments: dict[ArgumentName, PresetArgument] = Field(
        default={}, max_length=MOST_ARGUMENTS, description="by name; scripts get each as RIGLINE_ARG_NAME"
    )

    @model_validator(mode="after")
    def _knows_its_arguments(self) -> "Preset":
        unknown = sorted(set(saved.holes(self.work.model_dump())) - set(self.arguments))
        if unknown:
            raise ValueError(f"work asks for {', '.join(unknown)}, which is no argument of the preset")
        for name, each in self.arguments.items():
            if any(word in name for word in SECRETS):
                raise ValueError(f"arguments: {name} sounds like a secret, and arguments are shown to everybody")
            if each.default is not None:
                _check_default(name, each)
        return self


class NewPreset(Preset):
    """A dispatch to be saved under a new name."""

    name: Name


class PresetTold(Told):
    """One preset."""

    id: int
    name: str
    description: str
    work: PresetWork
    arguments: dict[str, PresetArgument]
    made_by: str
    changed_at: datetime | None
    is_built_in: bool = Field(description="it came with the service, and stays as it is")


class PresetDispatch(Given):
    """What is to be filled in."""

    arguments: dict[str, Value] = Field(default={}, max_length=MOST_ARGUMENTS)
    token: SecretStr | None = Field(
        default=None, min_length=1, max_length=1000, description="for a private remote; never shown, as in a dispatch"
    )


@operation("GET", "/presets", right=Right.READ, query=Paged, answer=Page[PresetTold])
async def list_presets(deps: Deps, *, actor: Actor, query: Paged) -> Page[PresetTold]:
    """List presets, those that are built in first."""
    async with deps.begin() as db:
        found = await saved.list_(db, after=query.cursor, limit=query.limit + 1)
    return page([_told(each) for each in found], limit=query.limit)


@operation("GET", "/presets/{name}", right=Right.READ, answer=PresetTold)
async def show_preset(deps: Deps, *, actor: Actor, name: str) -> PresetTold:
    """Read one preset."""
    async with deps.begin() as db:
        return _told(await saved.find(db, name))


@operation("POST", "/presets", right=Right.DISPATCH, body=NewPreset, answer=PresetTold, status=HTTPStatus.CREATED)
async def add_preset(deps: Deps, *, actor: Actor, body: NewPreset) -> PresetTold:
    """Save a dispatch under a new name. 409 if the name is taken."""
    async with deps.begin() as db:
        is_built_in = body.name in {each.name for each in saved.BUILT_IN}
        if is_built_in or not await presets.add(db, body.name, _values(body, actor)):
            raise Conflict(f"There is a preset {body.name}. `rigline preset add --replace` changes one you saved.")
        await audit.record(db, "preset.created", actor=actor.name, detail=body.name)
    return await show_preset(deps, actor=actor, name=body.name)


@operation("PUT", "/presets/{name}", right=Right.DISPATCH, body=Preset, answer=PresetTold)
async def change_preset(deps: Deps, *, actor: Actor, name: str, body: Preset) -> PresetTold:
    """Replace a preset that somebody saved."""
    async with deps.begin() as db:
        if not await presets.change(db, name, _values(body, actor)):
            raise _none_saved(name)
        await audit.record(db, "preset.changed", actor=actor.name, detail=name)
    return await show_preset(deps, actor=actor, name=name)


@operation("DELETE", "/presets/{name}", right=Right.DISPATCH)
async def remove_preset(deps: Deps, *, actor: Actor, name: str) -> None:
    """Forget a preset that somebody saved; what it opened stays."""
    async with deps.begin() as db:
        if not await presets.remove(db, name):
            raise _none_saved(name)
        await audit.record(db, "preset.removed", actor=actor.name, detail=name)


@operation(
    "POST",
    "/presets/{name}/dispatch",
    right=Right.DISPATCH,
    finds_place=True,
    body=PresetDispatch,
    answer=PipelineTold,
    status=HTTPStatus.CREATED,
)
async def dispatch_preset(deps: Deps, *, actor: Actor, name: str, body: PresetDispatch) -> PipelineTold:
    """Open the pipeline that a preset describes.

    422 for an argument that is unknown, missing or fits none of its patterns; else as `POST /pipelines`, with 409
    also where the preset names no repository and more than one is served. Without a commit it is the one that its
    branch is at now.
    """
    async with deps.begin() as db:
        preset = await saved.find(db, name)
    chosen = saved.arguments(preset, body.arguments)
    fields = await saved.located(deps, saved.filled(preset.work, chosen))
    token = {} if body.token is None else {"token": body.token.get_secret_value()}
    wanted = read_value(Dispatch, {**fields, **token})
    return await ask(deps, wanted, actor, AsPreset(name=preset.name, arguments=chosen))


def _check_default(name: str, argument: PresetArgument) -> None:
    shown = {"default": argument.default, "patterns": argument.patterns}
    view = PresetView(id=0, name="", description="", work={}, arguments={name: shown}, made_by="", changed_at=None)
    try:
        saved.arguments(view, {})
    except Invalid as wrong:
        raise ValueError(f"arguments.{wrong}") from None


def _values(body: Preset, actor: Actor) -> dict[str, Any]:
    given = body.model_dump(mode="json", include={"description", "work", "arguments"})
    return {**given, "made_by": actor.name}


def _none_saved(name: str) -> NotFound:
    return NotFound(f"Nobody saved a preset {name!r}. `rigline preset list` names them; what is built in stays.")


def _told(found: PresetView) -> PresetTold:
    shown = {
        "work": read_value(PresetWork, found.work),
        "arguments": {name: read_value(PresetArgument, each) for name, each in found.arguments.items()},
        "is_built_in": found.is_built_in,
    }
    return PresetTold(**{**vars(found), **shown})
