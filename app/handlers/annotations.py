"""What people, and tags that are pushed, say at commits of a repository's histories."""

from app.db.models import AnnotationKind
from app.db.queries import analysis, annotations, audit, measurements
from app.db.queries.annotations import Remark
from app.deps import Deps
from app.errors import NotFound

TAGGER = "the forge"


async def annotate(deps: Deps, repository_id: int, sha: str, remark: Remark, *, actor: str) -> int:
    """Say something at a commit. One that cuts has all series it is about analysed anew.

    Raises:
        NotFound: no such commit is known here.
    """
    async with deps.begin() as db:
        commit_id = await annotations.commit_id(db, repository_id, sha)
        if commit_id is None:
            raise NotFound(f"Nothing was measured at {sha} in this repository; name a commit of its history.")
        made = await annotations.add(db, repository_id, commit_id, remark, said_by=actor)
        if remark.cuts:
            about = {"board_type": remark.board_type, "configuration": remark.configuration}
            await analysis.mark_cut(db, repository_id, **about)
        await audit.record(db, "history.annotated", actor=actor, detail=f"annotation {made} at {sha}: {remark.text}")
    return made


async def take_back(deps: Deps, annotation_id: int, *, actor: str) -> None:
    """Remove a remark; what it cut is one again.

    Raises:
        NotFound: there is none.
    """
    async with deps.begin() as db:
        gone = await annotations.remove(db, annotation_id)
        if gone is None:
            raise NotFound(f"There is no annotation {annotation_id}.")
        if gone["cuts"]:
            about = {"board_type": gone["board_type"], "configuration": gone["configuration"]}
            await analysis.mark_cut(db, gone["repository_id"], **about)
        await audit.record(
            db, "history.annotation_removed", actor=actor, detail=f"annotation {annotation_id}: {gone['text']}"
        )


async def note_tag(deps: Deps, repository_id: int, sha: str, tag: str) -> None:
    """Write a tag that was pushed beside its commit, once; it may be that nothing was measured there yet."""
    remark = Remark(kind=AnnotationKind.TAG, text=tag[:500])
    async with deps.begin() as db:
        where = await measurements.at(db, repository_id, sha)
        if not await annotations.is_there(db, repository_id, where.commit_id, remark):
            await annotations.add(db, repository_id, where.commit_id, remark, said_by=TAGGER)
