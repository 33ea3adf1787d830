"""The kinds of words that callers may send: bounded, and without anything that would end up as an option or a NUL."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from builders.protocol import Kind

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must not hold control characters")
    return text


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not hold a NUL")
    return text


def _hash(text: str) -> str:
    if len(text) not in (40, 64):
        raise ValueError(
            f"must be a full commit hash of 40 (SHA-1) or 64 (SHA-256) hexadecimal digits, not {len(text)} characters; "
            "`git rev-parse REVISION` prints it"
        )
    return text


Name = Annotated[str, Field(pattern=NAME, max_length=100, examples=["shelf"])]
Line = Annotated[str, Field(max_length=500, examples=["why it is so"]), AfterValidator(_one_line)]
Lines = Annotated[str, AfterValidator(_without_nul)]  # the database holds every text but one with a NUL
Word = Annotated[str, Field(min_length=1, max_length=100, examples=["arm64"]), AfterValidator(_one_line)]
Address = Annotated[
    str,
    Field(min_length=1, max_length=2048, examples=["https://github.com/acme/app.git"]),
    AfterValidator(_one_line),
]
FullName = Annotated[str, Field(pattern=r"^[\w.~-]+(/[\w.~-]+)+$", max_length=512, examples=["acme/app"])]
Commit = Annotated[
    str,
    AfterValidator(_hash),
    Field(
        pattern=r"^[0-9a-f]*$",
        description="full hash, lower case",
        examples=["0123456789abcdef0123456789abcdef01234567"],
    ),
]
WorkKind = Annotated[Literal[Kind.BUILD, Kind.RUN], Field(description="build: fetch and build; run: also run")]
