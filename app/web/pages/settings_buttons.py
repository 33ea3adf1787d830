"""The forms of a repository's settings. Each does what the operation of its name does."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial

import sqlalchemy as sa
from pydantic import Field
from quart import Response, render_template

from app.db.queries.annotations import Remark
from app.db.queries.mutes import Muted
from app.errors import Conflict, NotFound
from app.handlers import annotations, approval, shifts, subscriptions
from app.policy import read
from app.rights import Right
from app.web import admission
from app.web.api import caps, connections, isolation, policies, repositories, webhook_secrets
from app.web.api.annotations import NewAnnotation
from app.web.api.caps import Caps
from app.web.api.isolation import Isolation
from app.web.api.mutes import NewMute
from app.web.api.operations import INT4, Given, read_form, read_value
from app.web.api.policies import Rules
from app.web.api.subscriptions import NewSubscription
from app.web.api.webhook_secrets import NewSecret
from app.web.auth import Actor
from app.web.pages import settings
from app.web.pages.answer import button, deps, go_to
from app.web.pages.repositories import FORGES

LONGEST_FORM = 4 * read.LONGEST  # bytes: what is escaped in a form takes up to three times its length
EVENT = "event "  # how the names of the ticks of news begin


@dataclass(frozen=True, kw_only=True)
class Pressed:
    """Who sent a form of which repository, and what stood in it."""

    repository: sa.RowMapping
    actor: Actor
    form: dict[str, str]

    @property
    def id(self) -> int:
        """Give the repository's id."""
        return int(self.repository["id"])


class Which(Given):
    """Which row of a list."""

    id: int = Field(ge=1, le=INT4)


Act = Callable[[Pressed], Awaitable[Response | None]]


@button(f"/<{FORGES}:forge>/<path:full_name>/settings/<action>", settings.settings)
async def change(forge: str, full_name: str, action: str) -> Response:
    """Change one thing of a repository.

    Raises:
        NotFound: there is no such form.
    """
    if action not in ACTIONS:
        raise NotFound(f"There is no button {action}.")
    act, right, done = ACTIONS[action]
    actor, form = await admission.pressed(longest=LONGEST_FORM)
    row = await settings.repository_of(forge, full_name)
    actor.insist(right, row["id"])
    shown = await act(Pressed(repository=row, actor=actor, form=form))
    return shown or go_to(f"/{forge}/{row['full_name']}/settings", done)


async def _caps(by: Pressed) -> None:
    await caps.set_caps(deps(), actor=by.actor, repository_id=by.id, body=read_form(Caps, by.form))


async def _isolation(by: Pressed) -> None:
    await isolation.set_isolation(deps(), actor=by.actor, repository_id=by.id, body=read_form(Isolation, by.form))


async def _policy(by: Pressed) -> None:
    text = by.form.get("text", "").replace("\r\n", "\n")  # as browsers send lines
    await policies.set_policy(deps(), actor=by.actor, repository_id=by.id, body=Rules(text=text))


async def _no_policy(by: Pressed) -> None:
    await policies.delete_policy(deps(), actor=by.actor, repository_id=by.id)


async def _revoke(by: Pressed) -> None:
    await approval.revoke(deps(), by.id, read_form(Which, by.form).id, by.actor.name)


async def _webhook(by: Pressed) -> None:
    await connections.create_webhook(deps(), actor=by.actor, repository_id=by.id)


async def _secret(by: Pressed) -> None:
    await webhook_secrets.add_secret(deps(), actor=by.actor, repository_id=by.id, body=read_form(NewSecret, by.form))


async def _no_secret(by: Pressed) -> None:
    which = read_form(Which, by.form).id
    await webhook_secrets.remove_secret(deps(), actor=by.actor, repository_id=by.id, secret_id=which)


async def _subscribe(by: Pressed) -> Response | None:
    events = [name.removeprefix(EVENT) for name in by.form if name.startswith(EVENT)]
    given: dict[str, object] = {name: value for name, value in by.form.items() if not name.startswith(EVENT)}
    wish: NewSubscription = read_value(NewSubscription, given | ({"events": events} if events else {}))
    made = await subscriptions.add(
        deps(), wish.channel, wish.address, repository_id=by.id, events=wish.events, actor=by.actor.name
    )
    if made.secret is None:
        return None
    shown = await render_template("secret_once.html", secret=made.secret, of=by.repository)
    return Response(shown, status=201, content_type="text/html; charset=utf-8", headers={"Cache-Control": "no-store"})


async def _try(by: Pressed) -> None:
    problem = await subscriptions.try_out(deps(), read_form(Which, by.form).id)
    if problem:
        raise Conflict(f"The test did not arrive: {problem}.")


async def _mute(by: Pressed) -> None:
    wish: NewMute = read_form(NewMute, {**by.form, "repository": by.repository["full_name"]})
    what = Muted(benchmark=wish.benchmark, metric=wish.metric, board_type=wish.board_type)
    await shifts.mute(deps(), by.id, what, days=wish.days, reason=wish.reason, actor=by.actor.name)


async def _annotate(by: Pressed) -> None:
    said: NewAnnotation = read_form(NewAnnotation, {**by.form, "repository": by.repository["full_name"]})
    remark = Remark(**{name: getattr(said, name) for name in Remark.__dataclass_fields__})
    await annotations.annotate(deps(), by.id, said.commit, remark, actor=by.actor.name)


async def _of_row(what: Callable[..., Awaitable[object]], by: Pressed) -> None:
    await what(deps(), read_form(Which, by.form).id, actor=by.actor.name)


async def _remove(by: Pressed) -> Response:
    if by.form.get("name", "").strip() != by.repository["full_name"]:
        raise Conflict(f"Type the name {by.repository['full_name']} to stop serving it.")
    await repositories.remove_repository(deps(), actor=by.actor, repository_id=by.id)
    return go_to("/repositories", "unserved")


ACTIONS: Mapping[str, tuple[Act, Right, str]] = {  # what it does, who may, and the word of `DONE` for it
    "caps": (_caps, Right.CONFIGURE, "set"),
    "isolation": (_isolation, Right.CONFIGURE, "set"),
    "policy": (_policy, Right.CONFIGURE, "rules kept"),
    "no-policy": (_no_policy, Right.CONFIGURE, "rules forgotten"),
    "revoke": (_revoke, Right.APPROVE, "distrusted"),
    "webhook": (_webhook, Right.ADMINISTER, "webhook made"),
    "secret": (_secret, Right.ADMINISTER, "secret kept"),
    "no-secret": (_no_secret, Right.ADMINISTER, "secret forgotten"),
    "subscribe": (_subscribe, Right.ADMINISTER, "subscribed"),
    "try": (_try, Right.ADMINISTER, "arrived"),
    "resume": (partial(_of_row, subscriptions.begin_again), Right.ADMINISTER, "subscribed"),
    "unsubscribe": (partial(_of_row, subscriptions.end), Right.ADMINISTER, "unsubscribed"),
    "mute": (_mute, Right.TRIAGE, "muted"),
    "unmute": (partial(_of_row, shifts.unmute), Right.TRIAGE, "unmuted"),
    "annotate": (_annotate, Right.TRIAGE, "annotated"),
    "no-annotation": (partial(_of_row, annotations.take_back), Right.TRIAGE, "taken back"),
    "remove": (_remove, Right.ADMINISTER, "unserved"),
}
