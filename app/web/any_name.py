"""Names of boards in paths: builders choose them, and may write a slash."""

from quart import Blueprint
from quart.blueprints import BlueprintSetupState
from werkzeug.routing import BaseConverter

BOARD = "any_name"  # of a part of a rule: `<any_name:board>`


class _AnyName(BaseConverter):
    """One part of a path or several. Servers hand `%2F` over as a slash, also at the beginning or twice."""

    part_isolating = False
    regex = ".+?"


def allow(blueprint: Blueprint) -> None:
    """Let rules that are added from now on name a board."""

    def add(state: BlueprintSetupState) -> None:
        state.app.url_map.converters[BOARD] = _AnyName

    blueprint.record(add)
