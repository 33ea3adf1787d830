"""Cut GitHub's published REST description to the operations that Rigline uses.

Run by hand after `npm pack @octokit/openapi`, from the root of the repository:

    python tests/forges/cut_openapi.py PACKAGE/generated/api.github.com.deref.json
"""

import json
import sys
from pathlib import Path

TARGET = Path(__file__).with_name("github-openapi.json")
OPERATIONS = {
    "/app": ["get"],
    "/app-manifests/{code}/conversions": ["post"],
    "/app/hook/deliveries": ["get"],
    "/app/hook/deliveries/{delivery_id}/attempts": ["post"],
    "/app/installations": ["get"],
    "/app/installations/{installation_id}/access_tokens": ["post"],
    "/repos/{owner}/{repo}": ["get"],
    "/repos/{owner}/{repo}/branches": ["get"],
    "/repos/{owner}/{repo}/check-runs": ["post"],
    "/repos/{owner}/{repo}/check-runs/{check_run_id}": ["get", "patch"],
    "/repos/{owner}/{repo}/collaborators/{username}/permission": ["get"],
    "/repos/{owner}/{repo}/commits/{ref}/check-runs": ["get"],
    "/repos/{owner}/{repo}/compare/{basehead}": ["get"],
    "/repos/{owner}/{repo}/contents/{path}": ["get"],
    "/repos/{owner}/{repo}/git/commits/{commit_sha}": ["get"],
    "/repos/{owner}/{repo}/git/ref/{ref}": ["get"],
    "/repos/{owner}/{repo}/git/tags/{tag_sha}": ["get"],
    "/repos/{owner}/{repo}/hooks": ["get", "post"],
    "/repos/{owner}/{repo}/hooks/{hook_id}": ["patch"],
    "/repos/{owner}/{repo}/hooks/{hook_id}/deliveries": ["get"],
    "/repos/{owner}/{repo}/hooks/{hook_id}/deliveries/{delivery_id}/attempts": ["post"],
    "/repos/{owner}/{repo}/installation": ["get"],
    "/repos/{owner}/{repo}/issues/comments/{comment_id}": ["patch"],
    "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions": ["post"],
    "/repos/{owner}/{repo}/issues/{issue_number}/comments": ["get", "post"],
    "/repos/{owner}/{repo}/issues/{issue_number}/labels/{name}": ["delete"],
    "/repos/{owner}/{repo}/issues/{issue_number}/reactions": ["post"],
    "/repos/{owner}/{repo}/pulls": ["get"],
    "/repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions": ["post"],
    "/repos/{owner}/{repo}/pulls/{pull_number}": ["get"],
    "/repos/{owner}/{repo}/statuses/{sha}": ["post"],
    "/user": ["get"],
    "/users/{username}": ["get"],
}


def bare(described):
    """Leave out what no request is checked with: prose and samples."""
    if isinstance(described, list):
        return [bare(each) for each in described]
    if not isinstance(described, dict):
        return described
    is_prose = {"description": str, "example": object, "examples": object}
    return {name: bare(value) for name, value in described.items() if not isinstance(value, is_prose.get(name, ()))}


def cut(whole):
    paths = {}
    for path, methods in OPERATIONS.items():
        for method in methods:
            operation = whole["paths"][path][method]
            kept = {name: bare(operation.get(name)) for name in ("operationId", "parameters", "requestBody")}
            kept["responses"] = sorted(operation["responses"])
            paths.setdefault(path, {})[method] = kept
    origin = f"npm @octokit/openapi, api.github.com {whole['info']['version']}, MIT; cut by cut_openapi.py"
    return {"x-origin": origin, "openapi": whole["openapi"], "paths": paths}


if __name__ == "__main__":
    TARGET.write_text(json.dumps(cut(json.loads(Path(sys.argv[1]).read_text())), indent=1) + "\n")
