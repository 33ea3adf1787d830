"""The pages people read."""

from quart import Blueprint

pages = Blueprint("pages", __name__)
