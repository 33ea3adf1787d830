"""Lines of a job's log: those that say something, or that look like an error."""

from pydantic import Field, model_validator

from app.deps import Deps
from app.web import log_search
from app.web.api.job_files import attempt_of
from app.web.api.operations import INT4, Given, Told, operation


class WhichLines(Given):
    """What is looked for: a text, or errors."""

    text: str | None = Field(default=None, min_length=1, max_length=log_search.LONGEST, description="in any case")
    errors: bool = Field(default=False, description="lines that look like an error, by the words that tools use")
    after: int = Field(default=0, ge=0, le=INT4, description="only behind this line")
    attempt: int | None = Field(default=None, ge=1, le=INT4, description="none: the latest one")

    @model_validator(mode="after")
    def _looks_for_one_thing(self) -> "WhichLines":
        if (self.text is None) != self.errors:
            raise ValueError("give either text or errors")
        return self


class LineTold(Told):
    """One line."""

    line: int = Field(description="its number, from 1")
    text: str = Field(description="without colours, cut after 300 characters")


class LinesTold(Told):
    """What a search found."""

    hits: list[LineTold] = Field(description="the first ones, at most 200")
    is_all: bool = Field(description="false: there are more, or the search took too long; go on behind the last one")
    lines: int = Field(description="up to which the log was looked through")


@operation("GET", "/jobs/{job_id}/log/lines", query=WhichLines, answer=LinesTold)
async def search_log(deps: Deps, *, job_id: int, query: WhichLines) -> LinesTold:
    """Search a log as far as it is now, line by line."""
    async with deps.begin() as db:
        attempt_id = await attempt_of(db, job_id, query.attempt)
    if attempt_id is None:
        return LinesTold(hits=[], is_all=True, lines=0)
    matches = log_search.failing if query.text is None else log_search.saying(query.text)
    return LinesTold.model_validate(await log_search.search(deps, attempt_id, matches, after=query.after))
