"""Whether the jobs of a pipeline can hold two commits against each other by turns. Pure."""

from collections.abc import Sequence

from app.db.queries.offers import Offer
from app.dispatch.selection import Chosen
from app.errors import Invalid

MOST_REPEATS = 10  # run phases in each turn of a side


def lacking(offered: Sequence[Offer], targets: Sequence[Chosen]) -> list[Chosen]:
    """List the targets for which no builder can do it: its agent is too old, or there is one work tree for all."""
    able = [each for each in offered if each.compares]
    return [each for each in targets if not any(_fits(offer, each) for offer in able)]


def insist(offered: Sequence[Offer], targets: Sequence[Chosen]) -> None:
    """Refuse what a person asked for and no builder can do.

    Raises:
        Invalid: names the first target that cannot be compared.
    """
    for each in lacking(offered, targets):
        raise Invalid(
            f"No builder can run two commits by turns on {each.target.board_type!r} with "
            f"{each.target.configuration!r}: its agent is too old, or the configuration has one work tree for all "
            "commits (library_path). Update the agent, or name other targets."
        )


def _fits(offer: Offer, wanted: Chosen) -> bool:
    of = (offer.board_type, offer.configuration)
    return of == (wanted.target.board_type, wanted.target.configuration) and wanted.board in (None, offer.board)
