"""The table of commands as Markdown: the help that a comment gets, and the heart of docs/reference/commands.md."""

from app.handlers.commands.verbs import RULES, Rule, Verb


def short(prefix: str) -> str:
    """List the verbs in a table, each with its forms."""
    lines = ["| command | effect | who |", "|---|---|---|"]
    lines += [f"| `{_form(rule, prefix)}` | {rule.effect} | {rule.who} |" for rule in RULES.values()]
    return "\n".join(lines)


def one(verb: Verb, prefix: str) -> str:
    """Explain one verb with all it takes."""
    rule = RULES[verb]
    lines = [f"`{_form(rule, prefix)}`: {rule.effect} For: {rule.who}.", ""]
    lines += [f"- `{each.form}`: {each.explains}" for each in rule.takes]
    return "\n".join(lines).rstrip()


def full(prefix: str) -> str:
    """Explain every verb."""
    return "\n\n".join(f"### {verb}\n\n{one(verb, prefix)}" for verb in RULES)


def _form(rule: Rule, prefix: str) -> str:
    return " ".join([prefix, rule.verb, *(f"[{each.form}]" for each in rule.takes)])
