"""Cut GitHub's example payloads down to what tells them apart, one a line.

npm pack @octokit/webhooks-examples && tar xzf octokit-webhooks-examples-*.tgz
python tests/forges/cut_webhooks.py package/api.github.com/index.json > tests/forges/payloads/github-examples.jsonl
"""

import json
import sys

_WORDS = """
    node_id gravatar_id _links topics permissions license site_admin user_view_type watchers forks open_issues
    size stargazers language homepage archived disabled fork pushed_at description visibility is_template events
    delete_branch_on_merge author_association performed_via_github_app reactions active_lock_reason assignees
    requested_reviewers requested_teams email public primary_language timezone verification tree tree_id milestone
    closed_at merged_at assignee merged_by auto_merge head_repository workflow security_advisory registry
"""
DROPPED = frozenset(_WORDS.split())
PREFIXES = ("has_", "allow_", "web_commit", "squash_", "use_squash")
LONGEST, MOST = 100, 2  # characters of a text, items of a list


def cut(value: object) -> object:
    """Leave out addresses, counts and what else no event of ours is made of; shorten texts and lists."""
    if isinstance(value, dict):
        return {key: cut(each) for key, each in value.items() if not _is_dropped(key)}
    if isinstance(value, list):
        return [cut(each) for each in value[:MOST]]
    return value[:LONGEST] if isinstance(value, str) else value


def _is_dropped(key: str) -> bool:
    return key in DROPPED or key.endswith(("url", "_count")) or key.startswith(PREFIXES)


def lines(described: list[dict[str, object]]) -> list[str]:
    """Write one line for each example; those that the cut made equal are one."""
    found = {}
    for event in described:
        for example in event["examples"]:  # type: ignore[attr-defined]
            line = json.dumps({"event": event["name"], "payload": cut(example)}, separators=(",", ":"))
            found[line] = None
    return list(found)


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        sys.stdout.write("\n".join(lines(json.load(file))) + "\n")
