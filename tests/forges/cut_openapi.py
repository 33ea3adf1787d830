"""Cut GitHub's published REST description to the operations that Rigline uses.

Run by hand after `npm pack @octokit/openapi`, from the root of the repository:

    python tests/forges/cut_openapi.py PACKAGE/generated/api.github.com.deref.json
"""

import json
import sys
from pathlib import Path

TARGET = Path(__file__).with_name("github-openapi.json")
OPERATIONS = {
    "/repos/{owner}/{repo}": ["get"],
    "/repos/{owner}/{repo}/collaborators/{username}/permission": ["get"],
    "/repos/{owner}/{repo}/statuses/{sha}": ["post"],
}


def cut(whole):
    paths = {}
    for path, methods in OPERATIONS.items():
        for method in methods:
            operation = whole["paths"][path][method]
            kept = {name: operation.get(name) for name in ("operationId", "parameters", "requestBody")}
            kept["responses"] = sorted(operation["responses"])
            paths.setdefault(path, {})[method] = kept
    origin = f"npm @octokit/openapi, api.github.com {whole['info']['version']}, MIT; cut by cut_openapi.py"
    return {"x-origin": origin, "openapi": whole["openapi"], "paths": paths}


if __name__ == "__main__":
    TARGET.write_text(json.dumps(cut(json.loads(Path(sys.argv[1]).read_text())), indent=1) + "\n")
