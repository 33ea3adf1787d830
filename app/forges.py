"""Make the forges that the settings name. A forge without a webhook secret exists, and refuses every delivery."""

from app.errors import StartupError
from app.settings import Settings
from integrations.forge import Forge
from integrations.registry import forges_for


def from_settings(settings: Settings) -> dict[str, Forge]:
    """Make one client per forge, each with its base URL from the settings and from nowhere else.

    Raises:
        StartupError: a key or certificate of the settings is none.
    """
    try:
        return forges_for(
            github_api_url=settings.github_api_url,
            github_webhook_secrets=[secret.get_secret_value() for secret in settings.github_webhook_secrets],
            github_token=settings.github_token.get_secret_value() if settings.github_token else None,
            github_app=_app(settings),
            gitlab_url=settings.gitlab_url,
            gitlab_webhook_secrets=[secret.get_secret_value() for secret in settings.gitlab_webhook_secrets],
            gitlab_signing_keys=[key.get_secret_value() for key in settings.gitlab_signing_keys],
            gitlab_token=settings.gitlab_token.get_secret_value() if settings.gitlab_token else None,
            ca_file=str(settings.ca_file) if settings.ca_file else None,
        )
    except (ValueError, OSError) as problem:
        raise StartupError(f"The forges cannot be set up: {problem}.") from None


def _app(settings: Settings) -> tuple[str, str] | None:
    """Read the App; it takes both its id and its key.

    Raises:
        StartupError: one is there without the other.
    """
    given = (settings.github_app_id, settings.github_private_key)
    if given[0] is None and given[1] is None:
        return None
    if given[0] is None or given[1] is None:
        raise StartupError("RIGLINE_GITHUB_APP_ID and RIGLINE_GITHUB_PRIVATE_KEY belong together; set both or none.")
    return given[0], given[1].get_secret_value()
