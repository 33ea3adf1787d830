"""Make the ways to sign in with a forge that the settings name."""

from pydantic import SecretStr

from app.errors import StartupError
from app.settings import Settings
from integrations.github.forge import web_url
from integrations.sign_in import Place, SignIn, github, gitlab


def from_settings(settings: Settings) -> dict[str, SignIn]:
    """Make one for each forge with a client; its addresses follow those of the forge.

    Raises:
        StartupError: a client's id is there without its secret, or the other way round.
    """
    places: dict[str, tuple[Place, str | None, SecretStr | None]] = {
        "GITHUB": (
            github(settings.github_api_url, web_url(settings.github_api_url)),
            settings.github_client_id,
            settings.github_client_secret,
        ),
        "GITLAB": (gitlab(settings.gitlab_url), settings.gitlab_client_id, settings.gitlab_client_secret),
    }
    made = {}
    for forge, (place, client_id, secret) in places.items():
        if (client_id is None) != (secret is None):
            raise StartupError(f"RIGLINE_{forge}_CLIENT_ID and RIGLINE_{forge}_CLIENT_SECRET belong together.")
        if client_id is not None and secret is not None:
            ca_file = str(settings.ca_file) if settings.ca_file else None
            made[place.name] = SignIn(place, client_id, secret.get_secret_value(), ca_file=ca_file)
    return made
