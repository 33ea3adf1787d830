"""The service of the API's tests serves the commands' tests too."""

from tests.api.conftest import service

__all__ = ["service"]
