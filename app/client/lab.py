"""Look at builders and boards, check a board and keep one."""

from collections.abc import Iterator
from typing import cast

from app.client.answers import AlertTold, BoardShown, BoardTold, BuilderSummary, BuilderTold, CheckAsked
from app.client.asking import Asking, part


class Lab(Asking):
    """What one may ask of the lab. `builder` is only needed if several have a board of that name."""

    def list_boards(self, *, most: int | None = None) -> Iterator[BoardTold]:
        """List the boards that builders offer, with the configurations on them and the job they run."""
        return cast(Iterator[BoardTold], self.items("/boards", most=most))

    def show_board(self, name: str, *, builder: str | None = None) -> BoardShown:
        """Read one board: its health, its last checks, and what was done to it."""
        return cast(BoardShown, self.get(f"/boards/{part(name)}", builder=builder))

    def check_board(self, name: str, *, builder: str | None = None) -> CheckAsked:
        """Have a board checked by its builder, whatever its health; the job tells how it went.

        Refused while a job runs on it or a person holds it, and if its builder has no check for it.
        """
        return cast(CheckAsked, self.post(f"/boards/{part(name)}/check", builder=builder))

    def hold_board(
        self, name: str, minutes: float, *, on_failure: bool = False, reason: str = "", builder: str | None = None
    ) -> BoardShown:
        """Keep a board for a person for some minutes.

        Args:
            on_failure: not now, but when a job on it goes wrong.
            reason: for other people.
        """
        body = {"minutes": minutes, "on_failure": on_failure, "reason": reason}
        return cast(BoardShown, self.post(f"/boards/{part(name)}/hold", body, builder=builder))

    def release_board(self, name: str, *, builder: str | None = None) -> BoardShown:
        """Give a held board back, also one that was only to be held."""
        return cast(BoardShown, self.post(f"/boards/{part(name)}/release", builder=builder))

    def list_builders(self, *, most: int | None = None) -> Iterator[BuilderSummary]:
        """List the builders that are not retired."""
        return cast(Iterator[BuilderSummary], self.items("/builders", most=most))

    def show_builder(self, name: str) -> BuilderTold:
        """Read one builder with the boards it offers."""
        return cast(BuilderTold, self.get(f"/builders/{part(name)}"))

    def list_alerts(self, *, resolved: bool = False, most: int | None = None) -> Iterator[AlertTold]:
        """List what somebody has to look at, the newest first: boards that are out, refusals of a forge.

        Args:
            resolved: with those that are over.
        """
        return cast(Iterator[AlertTold], self.items("/alerts", resolved=resolved, most=most))
