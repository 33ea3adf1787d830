"""Nobody learns of a private repository who may not: no page, operation, list, count, feed or stream tells of it."""

import re
from itertools import product

import pytest
from quart import Quart

from app.db.models import SQLModel
from app.db.sight import BELONGS, BY_RULE, OPEN
from app.web.api.described import described
from app.web.api.operations import OPERATIONS
from app.web.pages import pages
from tests.pages.two_repositories import FIRST_HIDDEN, UNKNOWN, both

TELLTALE = re.compile(rf"wombat|facade|8642\.5|\b{str(FIRST_HIDDEN)[:2]}\d{{4}}\b")  # its word, its hashes, its ids
STREAMS = ("/events", "/log/stream")
NAMES = {  # of a builder, a board, a forge, …: what stands in an address beside ids
    "name": ["lab-1", "nucleo-1", "fake"], "builder": ["lab-1"], "forge": ["github"], "number": [7, 0], "token": ["x"],
    "board": ["nucleo-1"], "delivery_id": [1], "secret_id": [1], "subscription_id": [1],
}  # fmt: skip


def of(half):
    """Say what addresses and queries may name of one of the two."""
    return {
        **NAMES, **{name: [number] for name, number in half.ids.items()},
        "full_name": [half.full_name, f"{half.word}/before"], "pair": [f"{half.sha(1)}...{half.sha(3)}"],
    }  # fmt: skip


def asked_of(half):
    """Say what the queries of lists may name of one of the two."""
    return {
        "repository": half.full_name, "commit": half.sha(1), "job": half.ids["job_id"], "shift": half.ids["shift_id"],
        "attempt": half.ids["attempt"], "pipeline": half.ids["pipeline_id"], "branch": "main", "q": "boot",
        "benchmark": f"{half.word}/boot", "metric": "time", "search": "boot", "text": "logged", "pull_request": 7,
    }  # fmt: skip


def filled(path, values):
    """Write an address with each choice of what it names."""
    names = re.findall(r"[{<](?:[^:<>{}]+:)?(\w+)[}>]", path)
    unknown = [name for name in names if name not in values]
    assert not unknown, f"say in NAMES what {unknown} of {path} may be"
    plain = re.sub(r"[{<](?:[^:<>{}]+:)?(\w+)[}>]", r"{\1}", path)
    for chosen in product(*(values[name] for name in names)):
        yield plain.format(**dict(zip(names, chosen, strict=True)))


def queries(operation, half):
    """Write what an operation has to be asked, and with it each query that names something of a repository."""
    fields = operation.query.model_fields if operation.query else {}
    given = {name: value for name, value in asked_of(half).items() if name in fields}
    unknown = [name for name, field in fields.items() if field.is_required() and name not in given]
    assert not unknown, f"say in asked_of what {unknown} of {operation.path} may be"
    must = [name for name in given if fields[name].is_required() or name == "text"]
    needed = "&".join(f"{name}={given[name]}" for name in must)
    return [needed, *(f"{needed}&{name}={value}" for name, value in given.items() if name not in must)]


def operations(half):
    """List every GET of the API, with and without each query that names something of a repository."""
    for each in OPERATIONS:
        if each.method == "GET" and not each.path.endswith(STREAMS):
            asked = queries(each, half)
            yield from (f"/api/v1{path}?{query}" for path in filled(each.path, of(half)) for query in asked)


def addresses(half):
    """List every page with its twins, also as it is filtered."""
    app = Quart(__name__)
    for blueprint in (pages, described):
        app.register_blueprint(blueprint)
    query = "&".join(f"{name}={value}" for name, value in asked_of(half).items())
    for rule in app.url_map.iter_rules():
        if "GET" in rule.methods and rule.endpoint != "static" and not rule.rule.endswith(STREAMS):
            for path in filled(re.sub(r"<int\(.*?\):", "<", re.sub(r"<any\(.*?\):", "<", rule.rule)), of(half)):
                yield from (path, f"{path}?{query}")


def told(address, half, text):
    """Find what an answer tells that its address did not say already."""
    given = {str(each) for each in asked_of(half).values()} | {str(each) for some in of(half).values() for each in some}
    for each in sorted((each for each in given if each in address and TELLTALE.search(each)), key=len, reverse=True):
        text = text.replace(each, "")
    found = TELLTALE.search(text)
    return found and found[0]


@pytest.fixture
async def halves(site):
    return await both(site)


def test_it_is_known_of_each_table_whether_its_rows_belong_to_a_repository():
    """A new table goes into ALL or NOBODYS of app.db.belonging."""
    known = [*BELONGS, *BY_RULE, *OPEN]

    assert sorted(known) == sorted(SQLModel.metadata.tables)


async def test_nobody_in_particular_learns_of_a_private_repository(site, halves):
    _, private = halves
    leaks, statuses = {}, {}

    for address in sorted({*operations(private), *addresses(private)}):
        answer = await site.http.get(address)
        statuses[address] = answer.status_code
        if leak := told(address, private, answer.text):
            leaks[address] = leak

    assert leaks == {}
    named = {each for each in statuses if TELLTALE.search(each.partition("?")[0])}
    assert len(named) > 100
    assert {each: statuses[each] for each in named if statuses[each] not in (404, 401)} == {}
    assert {each: status for each, status in statuses.items() if status >= 500} == {}


async def test_what_is_hidden_is_not_there_in_the_same_words(site, halves):
    _, private = halves

    for each in OPERATIONS:
        if each.method != "GET" or each.right is not None:
            continue
        query = queries(each, private)[0]
        for name in re.findall(r"\{(\w+_id)\}", each.path):
            values = {**of(private), name: [private.ids[name]]}
            paths = zip(filled(each.path, values), filled(each.path, {**values, name: [UNKNOWN]}), strict=True)
            for pair in paths:
                one, other = [await site.http.get(f"/api/v1{path}?{query}") for path in pair]
                assert one.status_code == other.status_code == 404, pair
                assert one.text.replace(str(private.ids[name]), "") == other.text.replace(str(UNKNOWN), "")


async def test_who_may_read_what_is_private_is_told_of_it(site, halves):
    """So that the tests above look for something that is there."""
    _, private = halves
    await site.admin()
    seen = {}

    for address in sorted({*operations(private), *addresses(private)}):
        if "&" not in address:
            answer = await site.http.get(address)
            asks_the_forge = address.endswith(("/policy?", "/connection?"))
            assert answer.status_code < 500 or asks_the_forge, address
            seen[address] = told(address, private, answer.text) is not None

    of_jobs = [
        each for each in seen if "/jobs/" in each and "attempt" not in each and not re.search("artefacts/7|error", each)
    ]
    assert [each for each in of_jobs if not seen[each]] == []
    assert sum(seen.values()) > 80
