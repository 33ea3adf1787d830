"""Answers of text are compressed for those who can read that."""

import gzip

from quart import Response, request

LEAST = 1024  # bytes: below it a packet is a packet
MOST = 8 << 20  # bytes: what is larger is handed out as it is, rather than held in memory twice
LEVEL = 6
TEXTS = ("text/html", "text/css", "text/csv", "text/javascript", "application/json", "image/svg+xml")


async def compress(response: Response) -> Response:
    """Compress a text of at least a kilobyte, if the request allows gzip.

    Streams stay as they are, and logs, of which ranges are asked for. So do answers that are not to be stored: they
    may show a secret beside what the request said, and the length of a compressed answer would tell about it (BREACH).
    """
    if not _is_eligible(response):
        return response
    response.headers.add("Vary", "Accept-Encoding")
    length = response.content_length
    if length is None or not LEAST <= length <= MOST or "gzip" not in request.headers.get("Accept-Encoding", ""):
        return response
    response.set_data(gzip.compress(await response.get_data(as_text=False), LEVEL, mtime=0))
    response.headers["Content-Encoding"] = "gzip"
    if tag := response.headers.get("ETag"):
        response.headers["ETag"] = f"W/{tag.removeprefix('W/')}"  # the same content, other bytes
    return response


def _is_eligible(response: Response) -> bool:
    is_text = request.method == "GET" and response.mimetype in TEXTS and "Content-Encoding" not in response.headers
    return is_text and response.status_code == 200 and "no-store" not in response.headers.get("Cache-Control", "")
