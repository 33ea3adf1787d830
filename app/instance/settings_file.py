"""The settings file of an instance: written once with a remark for each setting, then its owner's."""

import secrets
from collections.abc import Mapping

HEAD = """\
# Settings of the Rigline in {prefix}.
#
# One NAME=value in a line; `#` begins a remark. They are read at the start: `rigline restart` after a change.
# Upgrades never touch this file; rigline.env.new beside it has the remarks of the installed version.
# docs/reference/settings.md explains every setting. Keep this file private (mode 0600): it holds secrets.
"""

# Heading, and (name, value or example, remark). A name with a value in `given` is set; the others are remarks.
SECTIONS: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...] = (
    (
        "How the service is reached. Its ports are in the file `ports`.",
        (
            (
                "RIGLINE_PUBLIC_URL",
                "https://rigline.example.org",
                "The address that browsers, builders and forges use.",
            ),
            ("RIGLINE_BIND", "127.0.0.1", "The address to listen on; 0.0.0.0 is all of this machine."),
            ("RIGLINE_TLS_CERT", "", "Certificate (PEM) with those that signed it; read again when it changes."),
            ("RIGLINE_TLS_KEY", "", "Its key."),
            ("RIGLINE_TRUSTED_PROXIES", "127.0.0.1", "Proxies whose X-Forwarded-For and -Proto are believed."),
        ),
    ),
    (
        "Secrets. Whoever has this key can read what the database keeps sealed: losing it makes that unreadable.",
        (("RIGLINE_SECRET_KEY", "", ""),),
    ),
    (
        "Shared servers instead of the instance's own ones.",
        (
            ("DATABASE_URL", "postgres://rigline:…@db.example.org/rigline?sslmode=require", "PostgreSQL ≥ 15."),
            ("REDIS_URL", "rediss://:…@redis.example.org/0", "Redis ≥ 6.2 or Valkey, `maxmemory-policy noeviction`."),
        ),
    ),
    (
        "GitHub: docs/howto/connect-a-forge.md has the steps.",
        (
            ("RIGLINE_GITHUB_WEBHOOK_SECRETS", "", "What webhooks are signed with."),
            ("RIGLINE_GITHUB_TOKEN", "", "For statuses; or an App:"),
            ("RIGLINE_GITHUB_APP_ID", "", ""),
            ("RIGLINE_GITHUB_PRIVATE_KEY_FILE", "", ""),
        ),
    ),
    (
        "GitLab.",
        (
            ("RIGLINE_GITLAB_URL", "https://gitlab.com", ""),
            ("RIGLINE_GITLAB_WEBHOOK_SECRETS", "", "Secret tokens of webhooks."),
            ("RIGLINE_GITLAB_TOKEN", "", "With the scope `api`."),
        ),
    ),
    (
        "The rest.",
        (
            ("RIGLINE_WORKERS", "1", "Processes for background tasks."),
            ("RIGLINE_SMTP_URL", "smtp://user:password@mail.example.org:587", "Mail server for subscriptions."),
            ("RIGLINE_KEEP_LOGS_DAYS", "90", "Days that the logs of jobs are kept, in the database."),
            ("RIGLINE_LOG_BYTES", "10M", "Size of a file in `logs/` before the next one is begun."),
            ("RIGLINE_LOG_FILES", "5", "Older files that are kept of each."),
        ),
    ),
)


def text(prefix: str, given: Mapping[str, str]) -> str:
    """Write the file: the given settings set, the others as remarks.

    Raises:
        ValueError: something is given that has no place in the file.
    """
    left = dict(given)
    lines = [HEAD.format(prefix=prefix)]
    for heading, settings in SECTIONS:
        lines.append(f"\n# {heading}\n")
        for name, example, remark in settings:
            lines += [f"# {remark}\n"] if remark else []
            lines.append(f"{name}={left.pop(name)}\n" if name in left else f"#{name}={example}\n")
    if left:
        raise ValueError(f"no place for {', '.join(left)}")
    return "".join(lines)


def new_secret() -> str:
    """Make a secret key."""
    return secrets.token_urlsafe(32)
