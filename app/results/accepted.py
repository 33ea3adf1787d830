"""Which regressions of a range somebody took: in its pull request, of itself, or as a shift of its branch."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import acceptances
from app.history.verdicts import Accepted

Place = tuple[str, str, str]  # board type, configuration, identity


async def of_range(db: AsyncConnection, comparisons: Sequence[RowMapping]) -> Mapping[Place, list[Accepted]]:
    """List for each row of some comparisons of one range what people said, the oldest first.

    A shift of a branch says something about its own commits only: what a pull request brings is accepted there.
    """
    first = comparisons[0]
    repository_id, base, head = first["repository_id"], first["base"], first["head"]
    said = await acceptances.of_range(db, repository_id, base, head)
    for number in sorted({each["pull_request"] for each in comparisons if each["pull_request"] is not None}):
        said += await acceptances.of_pull_request(db, repository_id, number)
    of_branches = {each["branch"] for each in comparisons if each["pull_request"] is None and each["branch"]}
    shifts = [
        each
        for branch in sorted(of_branches)
        for each in await acceptances.of_shifts(db, repository_id, branch, base, head)
    ]
    found: dict[Place, list[Accepted]] = defaultdict(list)
    for each in (*shifts, *said):
        place = (each["board_type"], each["configuration"], each["identity"])
        found[place].append(Accepted(by=each["said_by"], reason=each["reason"], change=each["change"]))
    return found
