"""Answers of the forge in memory."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Answer:
    """Status, JSON and further headers."""

    status: int
    data: Any
    headers: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """End a request with an answer that refuses it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.answer = Answer(status, {"message": message})
