"""The builders' API: hello, claim, beat, wait, log, result, finish."""

from quart import Blueprint

leases = Blueprint("leases", __name__, url_prefix="/api/v1")
