"""What docs/operate and the how-to say of metrics is what a web process gives."""

import json
import re
from pathlib import Path

import yaml
from prometheus_client import REGISTRY

from app.db.queries import gauges, tallies
from app.web import hooks, metrics

ROOT = Path(__file__).parents[2]
HOWTO = (ROOT / "docs/howto/watch-the-service.md").read_text()
BESIDE = {"rigline_workers", *(f"rigline_backup_{what}" for what in ("failing", "age_seconds", "size_bytes"))}
NAME = re.compile(r"\brigline_[a-z_]+")


def given() -> set[str]:
    """List the names as Prometheus stores them."""
    assert hooks.received and metrics.REQUESTS
    named = {family.name: family.type for family in REGISTRY.collect() if family.name.startswith("rigline_")}
    named |= {tally.value: "counter" for tally in tallies.HELP}
    made = {f"{name}_total" if kind == "counter" else name for name, kind in named.items()}
    made |= {f"{name}_bucket" for name, kind in named.items() if kind == "histogram"}
    return made | {gauge.name for gauge in gauges.GAUGES} | BESIDE


def test_alert_rules_and_dashboard_ask_for_metrics_that_there_are() -> None:
    rules = yaml.safe_load((ROOT / "docs/operate/alerts.yml").read_text())["groups"][0]["rules"]
    panels = json.loads((ROOT / "docs/operate/dashboard.json").read_text())["panels"]
    asked = [rule["expr"] for rule in rules] + [target["expr"] for panel in panels for target in panel["targets"]]

    used = {name for expression in asked for name in NAME.findall(expression)}

    assert len(used) > 15
    assert used <= given()


def test_every_alert_says_what_to_do() -> None:
    rules = yaml.safe_load((ROOT / "docs/operate/alerts.yml").read_text())["groups"][0]["rules"]

    assert all(f"| `{rule['alert']}` |" in HOWTO for rule in rules)
    assert all(rule["annotations"]["summary"] for rule in rules)


def test_the_how_to_lists_every_metric_and_no_other() -> None:
    rows = set(re.findall(r"^\| `(rigline_[a-z_]+)` \|", HOWTO, re.MULTILINE))

    assert rows == {name for name in given() if not name.endswith("_bucket")}
