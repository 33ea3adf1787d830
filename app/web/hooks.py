"""Webhooks: bound the body, authenticate, store once, answer. All else is a task."""

from quart import Blueprint

hooks = Blueprint("hooks", __name__)
