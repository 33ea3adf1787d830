"""Every command says how it is used, and the reference names all of it."""

from collections.abc import Iterator
from pathlib import Path

import click

from app.cli import main

DOCS = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
OURS = ("admin", "repo", "builder", "board", "dispatch", "pipeline", "job", "results", "history", "import", "replay")
OURS += ("backup", "restore", "preset", "schedule", "api")


def _commands(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _commands(command, (*words, name))
        else:
            yield " ".join((*words, name)), command


def test_every_client_command_shows_an_example() -> None:
    ours = {name: each.help or "" for name, each in _commands(main) if name.split()[0] in OURS}

    assert [name for name, text in ours.items() if "Example:" not in text] == []


def test_the_reference_names_every_command_and_option() -> None:
    written = DOCS.read_text()
    sections = {part.partition("`\n")[0]: part for part in written.split("### `rigline ")[1:]}
    missing = []
    for name, command in _commands(main):
        section = next((text for title, text in sections.items() if title == name or title.startswith(f"{name} ")), "")
        options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
        long_names = [next(name for name in each.opts if name.startswith("--")) for each in options]
        shared = ("--server", "--socket", "--json", "--help")
        missing += [f"{name} {each}" for each in ["", *long_names] if each not in shared and each not in section]
        if not section:
            missing.append(name)

    assert missing == []
