"""Read what was measured, find where it moved, and bring results of elsewhere."""

from collections.abc import Iterator
from typing import cast

from app.client.answers import ImportTold, Points, SeriesRow, ShiftTold
from app.client.answers.words import Better, Triage
from app.client.asking import Asking


class History(Asking):
    """What one may ask of histories."""

    def list_series(
        self,
        *,
        repository: str | None = None,
        branch: str | None = None,
        board_type: str | None = None,
        configuration: str | None = None,
        benchmark: str | None = None,
        metric: str | None = None,
        default_branch: bool = False,
        most: int | None = None,
    ) -> Iterator[SeriesRow]:
        """List series by benchmark, metric, board type, configuration and branch.

        Args:
            default_branch: only those of each repository's default branch.
        """
        found = self.items(
            "/series",
            repository=repository,
            branch=branch,
            board_type=board_type,
            configuration=configuration,
            benchmark=benchmark,
            metric=metric,
            default_branch=default_branch,
            most=most,
        )
        return cast(Iterator[SeriesRow], found)

    def list_points(
        self, series_id: int, *, limit: int = 200, cursor: int | None = None, samples: bool = False
    ) -> Points:
        """Read the points of a series' latest commits, in commit order.

        Args:
            limit: commits, at most 2000.
            cursor: `next` of the answer before, for older commits.
            samples: with the raw samples, as long as they are kept.
        """
        found = self.get(f"/series/{series_id}/points", limit=limit, cursor=cursor, samples=samples)
        return cast(Points, found)

    def list_shifts(
        self,
        *,
        repository: str | None = None,
        state: Triage | None = None,
        every: bool = False,
        worse: bool | None = None,
        muted: bool | None = None,
        overdue: bool | None = None,
        branch: str | None = None,
        benchmark: str | None = None,
        board_type: str | None = None,
        assignee: str | None = None,
        most: int | None = None,
    ) -> Iterator[ShiftTold]:
        """List where histories moved, the newest first: what waits for somebody, unless another state is asked for.

        Args:
            every: of all states.
            overdue: new for more than a week.
        """
        found = self.items(
            "/shifts",
            repository=repository,
            state=state,
            every=every,
            worse=worse,
            muted=muted,
            overdue=overdue,
            branch=branch,
            benchmark=benchmark,
            board_type=board_type,
            assignee=assignee,
            most=most,
        )
        return cast(Iterator[ShiftTold], found)

    def import_results(
        self,
        data: bytes,
        *,
        repository: str,
        commit: str,
        board_type: str,
        configuration: str,
        branch: str | None = None,
        format: str | None = None,
        pattern: str | None = None,
        benchmark: str | None = None,
        unit: str | None = None,
        better: Better | None = None,
        committed_at: str | None = None,
        measured_at: str | None = None,
        title: str = "",
        author: str = "",
    ) -> ImportTold:
        """Store what a result file says of one commit; again, it changes nothing. Refused if no format fits it.

        Args:
            commit: full hash.
            format: None: the content decides.
            pattern: for the format `pattern`.
            benchmark, unit, better: of a file that tells none.
            committed_at: in ISO 8601 with a zone, if git told nothing of the commit here.
        """
        place = {"repository": repository, "commit": commit, "board_type": board_type, "configuration": configuration}
        reading = {"format": format, "pattern": pattern, "benchmark": benchmark, "unit": unit, "better": better}
        about = {"committed_at": committed_at, "measured_at": measured_at, "title": title, "author": author}
        return cast(ImportTold, self.upload("/imports", data, branch=branch, **place, **reading, **about))
