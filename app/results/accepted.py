"""Which regressions of a range somebody took: in its pull request, of itself, on its branch, or by muting."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import acceptances
from app.db.queries.forgiven import Compared, Forgiven, forgiven
from app.history.verdict import Verdict
from app.history.verdicts import Accepted, ComparedRow, accept, worse

Place = tuple[str, str, str]  # board type, configuration, identity


@dataclass(frozen=True, kw_only=True)
class Said:
    """What people said of one range of commits."""

    accepted: Mapping[Place, Sequence[Accepted]]  # the oldest first
    forgiven: Mapping[tuple[str, str], Forgiven]  # by board type and configuration

    def of(self, row: ComparedRow, board_type: str, configuration: str) -> ComparedRow:
        """Take a regression as accepted where somebody said so, and it has not grown since."""
        if row.verdict is not Verdict.REGRESSED:
            return row
        taken = accept(row, self.accepted.get((board_type, configuration, row.identity), ()))
        if taken.accepted is not None:
            return taken
        about = {"identity": row.identity, "benchmark": row.benchmark, "metric": row.metric}
        why = self.forgiven[board_type, configuration].why(**about, worse=worse(row))
        return replace(row, accepted=Accepted(why=why), fails=False) if why else row


NOTHING = Said(accepted={}, forgiven={})


async def of_range(db: AsyncConnection, comparisons: Sequence[RowMapping]) -> Said:
    """Read what people said of some comparisons of one range of commits; nothing for none."""
    if not comparisons:
        return NOTHING
    found: dict[Place, list[Accepted]] = defaultdict(list)
    for each in await _acceptances(db, comparisons):
        place = (each["board_type"], each["configuration"], each["identity"])
        taken = Accepted(why=f"accepted by {each['said_by']}", reason=each["reason"], change=each["change"])
        found[place].append(taken)
    names = ("repository_id", "board_type", "configuration", "base", "head")
    about = [Compared(**{name: each[name] for name in names}) for each in comparisons]
    judged = {(each.board_type, each.configuration): await forgiven(db, each) for each in about}
    return Said(accepted=found, forgiven=judged)


async def _acceptances(db: AsyncConnection, comparisons: Sequence[RowMapping]) -> list[RowMapping]:
    first = comparisons[0]
    numbers = {each["pull_request"] for each in comparisons if each["pull_request"] is not None}
    said = await acceptances.of_range(db, first["repository_id"], first["base"], first["head"])
    for number in sorted(numbers):
        said += await acceptances.of_pull_request(db, first["repository_id"], number)
    return said
