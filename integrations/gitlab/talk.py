"""What people write on merge requests, from GitLab's JSON. Only what is new counts: an edit is no command."""

import re

from integrations import payload
from integrations.events import CommentPosted
from integrations.gitlab import bodies
from integrations.gitlab.bodies import actor, author, project_id

_BOT = re.compile(r"(project|group)_\d+_bot(_[0-9a-f]+)?", re.ASCII)  # the accounts of project and group tokens


def note(body: bytes) -> CommentPosted | None:
    """Read `note`. Its commit is the head when GitLab wrote the body, which may be a little later than the note."""
    said = payload.read(body, bodies.NotePosted)
    told, merge_request = said.object_attributes, said.merge_request
    if merge_request is None or told.noteable_type != "MergeRequest":
        return None
    if told.system or told.action not in (None, "", "create"):
        return None
    writer = author(told.author_id, said.user)
    return CommentPosted(
        repository=project_id(said.project, said.project_id),
        repository_name=payload.full_name(said.project.path_with_namespace),
        number=merge_request.iid,
        key=f"comment:{told.id}",
        comment=told.id,
        text=payload.text(told.note),
        author=writer,
        sender=actor(said.user),
        is_bot=bool(_BOT.fullmatch(writer.name) or _BOT.fullmatch(said.user.username)),
        is_open=merge_request.state in ("opened", "locked"),
        is_confidential=said.event_type == "confidential_note" or bool(told.internal or told.confidential),
        commit=payload.commit(merge_request.last_commit.id),
        posted_at=payload.moment(told.created_at),
    )
