"""Make the forges that the settings name. A forge without a webhook secret exists, and refuses every delivery."""

from app.settings import Settings
from integrations.forge import Forge
from integrations.registry import forges_for


def from_settings(settings: Settings) -> dict[str, Forge]:
    """Make one client per forge, each with its base URL from the settings and from nowhere else."""
    return forges_for(
        github_api_url=settings.github_api_url,
        github_webhook_secrets=[secret.get_secret_value() for secret in settings.github_webhook_secrets],
        github_token=settings.github_token.get_secret_value() if settings.github_token else None,
        gitlab_url=settings.gitlab_url,
        gitlab_webhook_secrets=[secret.get_secret_value() for secret in settings.gitlab_webhook_secrets],
        gitlab_signing_keys=[key.get_secret_value() for key in settings.gitlab_signing_keys],
        gitlab_token=settings.gitlab_token.get_secret_value() if settings.gitlab_token else None,
    )
