"""A number that a repository may say itself, or leave to the service's settings."""

import click


class OrDefault(click.ParamType[int | str]):
    """A number of something, or the word `default`."""

    def __init__(self, what: str) -> None:
        self.name, self._what = f"{what}|default", what

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """Take a number from 0 on, or `default`."""
        if value == "default":
            return "default"
        if not str(value).isdecimal():
            self.fail(f"{value} is neither a number of {self._what} nor `default`", param, ctx)
        return int(str(value))
