"""The tables as SQLAlchemy Core sees them: what claims, leases and sweeps are written with."""

import sqlalchemy as sa
from sqlmodel import SQLModel

from app.db import models as _models  # noqa: F401  # registers the tables

_ALL = SQLModel.metadata.tables


def named(name: str) -> sa.Table:
    """Find a table by its name in the database."""
    return _ALL[name]


def names() -> list[str]:
    """List all tables of the newest schema."""
    return list(_ALL)


_named = named

account = _named("account")
approval = _named("approval")
artefact = _named("artefact")
artefact_piece = _named("artefact_piece")
attempt = _named("attempt")
attempt_board = _named("attempt_board")
audit = _named("audit")
board = _named("board")
builder = _named("builder")
commit = _named("commit")
configuration = _named("configuration")
delivery = _named("delivery")
job = _named("job")
kept_answer = _named("kept_answer")
log_chunk = _named("log_chunk")
pipeline = _named("pipeline")
preset = _named("preset")
repository = _named("repository")
role_grant = _named("role_grant")
result = _named("result")
session = _named("session")
forge_role = _named("forge_role")
identity = _named("identity")
password_reset = _named("password_reset")
status = _named("status")
tally = _named("tally")
token = _named("token")
turn = _named("turn")
alert = _named("alert")
conversation = _named("conversation")
heard = _named("heard")
keep_rule = _named("keep_rule")
installation = _named("installation")
pull_request = _named("pull_request")
repository_name = _named("repository_name")
schedule = _named("schedule")
service = _named("service")
webhook_secret = _named("webhook_secret")
acceptance = _named("acceptance")
analysis = _named("analysis")
annotation = _named("annotation")
backup = _named("backup")
bisection = _named("bisection")
bisection_step = _named("bisection_step")
board_noise = _named("board_noise")
import_ = _named("import")
change_point = _named("change_point")
comparison = _named("comparison")
comparison_row = _named("comparison_row")
measurement = _named("measurement")
mute = _named("mute")
notification = _named("notification")
subscription = _named("subscription")
series = _named("series")
shift = _named("shift")
