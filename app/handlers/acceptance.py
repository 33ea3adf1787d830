"""A person takes a regression knowingly. Who may is the caller's to check; every decision is in the audit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import acceptances, audit, pipelines
from app.db.queries.acceptances import Said
from app.deps import Deps
from app.history.verdict import Verdict
from app.history.verdicts import ComparedRow, ComparedTarget, Verdicts
from app.reporting import announce, verdict_words


@dataclass(frozen=True, kw_only=True)
class Regression:
    """A row that is certainly worse, and that nobody took yet."""

    view: Verdicts
    target: ComparedTarget
    row: ComparedRow


def open_(views: Iterable[Verdicts], benchmark: str | None = None) -> list[Regression]:
    """List the regressions that wait for somebody to accept them, of one benchmark or of all."""
    return [
        Regression(view=view, target=target, row=row)
        for view in views
        for target in view.targets
        for row in target.rows
        if row.verdict is Verdict.REGRESSED and row.accepted is None and benchmark in (None, row.benchmark)
    ]


async def accept(db: AsyncConnection, repository_id: int, found: Sequence[Regression], said: Said) -> list[int]:
    """Remember what was accepted, and let the statuses of its commits be looked at; return their pipelines.

    What was compared for a pull request is accepted there, also at later heads; all else of exactly its range.
    """
    rows = [
        {
            "repository_id": repository_id,
            "pull_request": each.target.pull_request,
            "base": each.view.base,
            "head": each.view.head,
            "board_type": each.target.board_type,
            "configuration": each.target.configuration,
            "identity": each.row.identity,
            "change": each.row.change,
        }
        for each in found
    ]
    await acceptances.add(db, rows, said)
    for each in found:
        await audit.record(
            db, "regression.accepted", actor=said.by, pipeline_id=each.target.pipeline_id, detail=_detail(each, said)
        )
    heads = sorted({each.view.head for each in found})
    about = [pipeline_id for head in heads for pipeline_id in await pipelines.of_commit(db, repository_id, head)]
    for pipeline_id in about:
        await announce.judged(db, pipeline_id)
    return about


async def publish(deps: Deps, pipeline_ids: Iterable[int]) -> None:
    """Tell pages that look at these pipelines, after the transaction."""
    for pipeline_id in pipeline_ids:
        await deps.notices.publish("pipeline", pipeline=pipeline_id)


def _detail(found: Regression, said: Said) -> str:
    target, view = found.target, found.view
    what = f"{verdict_words.name(found.row)} {verdict_words.change(found.row)}"
    where = f"{target.board_type}/{target.configuration}, {view.base}...{view.head}"
    return f"{what} on {where}, by {said.via}, account {said.by_id or 'of ours'}: {said.reason}"
