"""Lists in pages: `{"items": […], "next": cursor|null}`."""

from typing import Generic, TypeVar

from pydantic import Field

from app.web.api.operations import INT8, Given, Told

LONGEST_PAGE = 200
USUAL_PAGE = 50

Item = TypeVar("Item")


class Paged(Given):
    """Which page of a list."""

    cursor: int = Field(default=0, ge=0, le=INT8, description="`next` of the page before; nothing for the first page")
    limit: int = Field(default=USUAL_PAGE, ge=1, le=LONGEST_PAGE, description="items of one page")


class Page(Told, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next: int | None = Field(description="cursor of the next page; null on the last one")


def page(items: list[Item], *, limit: int, position: str = "id") -> Page[Item]:
    """Cut a page out of a list that was read with one item more than the limit."""
    shown = items[:limit]
    return Page(items=shown, next=getattr(shown[-1], position) if len(items) > limit else None)
