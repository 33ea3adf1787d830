"""What it takes to do a job again elsewhere: for `rigline-builder reproduce`."""

from pydantic import Field

from app.db.queries import job_views
from app.deps import Deps
from app.errors import NotFound
from app.web.api.operations import Told, operation
from builders.protocol import Kind


class Recipe(Told):
    """One job as a builder needs to know it, without secrets."""

    job_id: int
    kind: Kind
    board_type: str
    board: str | None = Field(description="that it was on last; null: any of the type")
    configuration: str
    repeat: int
    limit_s: float | None
    commit: str
    ref: str | None = Field(description="a ref that holds the commit")
    clone_url: str
    repository: str = Field(description="its name, for people")
    key: str = Field(description="of its mirror on builders")
    private: bool = Field(description="fetching needs a token")
    trusted: bool = Field(description="false: the code came from a fork, and is run in a sandbox only")
    base: str | None = Field(description="of a fork's: the commit whose build files count")
    trusted_files: list[str] = Field(description="globs of them, by the rules there")
    arguments: dict[str, str] = Field(description="of a saved dispatch, for its scripts")


@operation("GET", "/jobs/{job_id}/recipe", answer=Recipe)
async def read_recipe(deps: Deps, *, job_id: int) -> Recipe:
    """Read what it takes to do a job again elsewhere: commit, configuration and board, without secrets."""
    async with deps.begin() as db:
        row = await job_views.recipe(db, job_id)
    if row is None:
        raise NotFound(f"There is no job {job_id}.")
    return Recipe(
        job_id=job_id,
        ref=row["fetch_ref"],
        clone_url=row["repository_clone_url"],
        repository=row["repository_full_name"],
        key=f"r{row['repository_id']}",
        private=row["repository_private"],
        trusted=row["trusted"],
        base=row["base"],
        trusted_files=row["trusted_files"],
        arguments=row["arguments"],
        **{name: row[name] for name in ("kind", "board_type", "board", "configuration", "repeat", "limit_s", "commit")},
    )
