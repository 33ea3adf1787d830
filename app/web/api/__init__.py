"""The public API under /api/v1."""

from quart import Blueprint

api = Blueprint("api", __name__, url_prefix="/api/v1")
