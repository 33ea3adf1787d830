"""Where the rows of each table belong: the one list, by which they are hidden, counted, taken along and deleted.

Tests hold it against the models: a new table has to be placed here.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Belonging:
    """A table whose rows belong to a repository, or to rows of another one that do."""

    table: str
    column: str = "repository_id"
    through: str = "repository"
    is_hidden: bool = True  # from who may not see the repository; else only who has a right asks for it


# Parents first.
ALL = (
    *(
        Belonging(name)
        for name in (
            "repository_name", "pull_request", "approval", "schedule", "alert", "keep_rule", "mute", "heard", "commit",
            "series", "import", "pipeline", "status", "conversation", "acceptance", "annotation", "board_noise",
            "shift", "bisection",
        )
    ),
    # Asked for with a right of the whole service.
    *(Belonging(name, is_hidden=False) for name in ("webhook_secret", "subscription", "role_grant", "forge_role")),
    Belonging("job", "pipeline_id", "pipeline"),
    Belonging("attempt", "job_id", "job"),
    # That a board is busy everybody may know; its numbers lead nowhere.
    Belonging("attempt_board", "attempt_id", "attempt", is_hidden=False),
    *(Belonging(name, "attempt_id", "attempt") for name in ("log_chunk", "artefact", "artefact_piece", "result")),
    *(Belonging(name, "series_id", "series") for name in ("measurement", "analysis", "change_point")),
    Belonging("comparison"),  # of an attempt too
    Belonging("comparison_row", "comparison_id", "comparison"),
    Belonging("bisection_step", "bisection_id", "bisection"),
    Belonging("notification", "subscription_id", "subscription", is_hidden=False),
)  # fmt: skip
# Of the service, of its people and of its lab. Of these, `turn` says that somebody waits, on no page.
NOBODYS = frozenset(
    {
        "account", "audit", "backup", "board", "builder", "configuration", "delivery", "identity", "installation",
        "kept_answer", "password_reset", "preset", "repository", "service", "session", "tally", "token",
        "turn",
    }
)  # fmt: skip
BY_TABLE = {each.table: each for each in ALL}
