"""What people write on pull requests, from GitHub's JSON. Only what is new counts: an edit is no command."""

from typing import Any

from integrations import payload
from integrations.events import CommentPosted
from integrations.github import bodies
from integrations.github.bodies import Account, actor

BOT = "Bot"


def comment(body: bytes) -> CommentPosted | None:
    """Read `issue_comment`: a comment on a pull request. It names no commit."""
    if payload.read(body, bodies.Action).action != "created":
        return None
    said = payload.read(body, bodies.IssueComment)
    if said.issue.pull_request is None:
        return None
    return CommentPosted(
        **_about(said, said.comment.user),
        number=said.issue.number,
        key=f"comment:{said.comment.id}",
        comment=said.comment.id,
        text=payload.text(said.comment.body),
        is_open=said.issue.state == "open",
        posted_at=payload.moment(said.comment.created_at),
    )


def review(body: bytes) -> CommentPosted | None:
    """Read `pull_request_review`: it is bound to the commit that its writer saw."""
    if payload.read(body, bodies.Action).action != "submitted":
        return None
    said = payload.read(body, bodies.ReviewSubmitted)
    approves = said.review.state.lower() == "approved"
    if not approves and not said.review.body:
        return None
    return CommentPosted(
        **_about(said, said.review.user),
        number=said.pull_request.number,
        key=f"review:{said.review.id}",
        comment=said.review.id,
        text=payload.text(said.review.body),
        is_open=said.pull_request.state == "open",
        commit=payload.commit(said.pull_request.head.sha),
        seen_commit=payload.commit(said.review.commit_id) if said.review.commit_id else None,
        approves=approves,
        posted_at=payload.moment(said.review.submitted_at),
    )


def review_comment(body: bytes) -> CommentPosted | None:
    """Read `pull_request_review_comment`: a comment on a line, bound to the commit it was written on."""
    if payload.read(body, bodies.Action).action != "created":
        return None
    said = payload.read(body, bodies.ReviewComment)
    return CommentPosted(
        **_about(said, said.comment.user),
        number=said.pull_request.number,
        key=f"review_comment:{said.comment.id}",
        comment=said.comment.id,
        text=payload.text(said.comment.body),
        is_open=said.pull_request.state == "open",
        commit=payload.commit(said.pull_request.head.sha),
        seen_commit=payload.commit(said.comment.commit_id) if said.comment.commit_id else None,
        posted_at=payload.moment(said.comment.created_at),
    )


def _about(said: bodies.About, author: Account | None) -> dict[str, Any]:
    return {
        "repository": said.repository.id,
        "repository_name": payload.full_name(said.repository.full_name),
        "author": actor(author),
        "sender": actor(said.sender),
        "is_bot": BOT in (said.sender.type, author.type if author else ""),
    }
