"""Make the forges from plain values."""

from collections.abc import Sequence

from integrations.forge import Forge
from integrations.github.auth import App
from integrations.github.forge import GitHub
from integrations.gitlab.forge import GitLab


def forges_for(
    *,
    github_api_url: str,
    github_webhook_secrets: Sequence[str],
    github_token: str | None,
    github_app: tuple[str, str] | None = None,
    gitlab_url: str,
    gitlab_webhook_secrets: Sequence[str],
    gitlab_signing_keys: Sequence[str],
    gitlab_token: str | None,
    ca_file: str | None = None,
) -> dict[str, Forge]:
    """Make GitHub and GitLab, by the names in the addresses of their webhooks.

    Args:
        github_app: id and private key of our App; where it is given, the token is not used.
        ca_file: certificates in PEM form that are trusted instead of the system's.
    Raises:
        ValueError: a key is none.
    """
    github = GitHub(
        api_url=github_api_url,
        webhook_secrets=github_webhook_secrets,
        token=github_token,
        app=App(*github_app) if github_app else None,
        ca_file=ca_file,
    )
    gitlab = GitLab(
        url=gitlab_url,
        webhook_secrets=gitlab_webhook_secrets,
        signing_keys=gitlab_signing_keys,
        token=gitlab_token,
        ca_file=ca_file,
    )
    return {forge.name: forge for forge in (github, gitlab)}
