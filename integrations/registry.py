"""Make the forges from plain values."""

from collections.abc import Sequence

from integrations.forge import Forge
from integrations.github.forge import GitHub
from integrations.gitlab.forge import GitLab


def forges_for(
    *,
    github_api_url: str,
    github_webhook_secrets: Sequence[str],
    github_token: str | None,
    gitlab_url: str,
    gitlab_webhook_secrets: Sequence[str],
    gitlab_signing_keys: Sequence[str],
    gitlab_token: str | None,
) -> dict[str, Forge]:
    """Make GitHub and GitLab, by the names in the addresses of their webhooks."""
    github = GitHub(api_url=github_api_url, webhook_secrets=github_webhook_secrets, token=github_token)
    gitlab = GitLab(
        url=gitlab_url,
        webhook_secrets=gitlab_webhook_secrets,
        signing_keys=gitlab_signing_keys,
        token=gitlab_token,
    )
    return {forge.name: forge for forge in (github, gitlab)}
