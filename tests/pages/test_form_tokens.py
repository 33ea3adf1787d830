"""Each form that posts gets the token against forms of other sites, and a template is read in a moment."""

import re
import time
from pathlib import Path

import pytest
from jinja2 import Environment

from app.web.same_origin import FormTokens

TEMPLATES = sorted((Path(__file__).parents[2] / "templates").glob("*.html"))


def read(source: str) -> str:
    return FormTokens(Environment(autoescape=True)).preprocess(source, None)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda file: file.name)
def test_each_form_that_posts_has_the_token(template):
    source, started = template.read_text(), time.process_time()

    found = read(source).count("{{ form_token() }}")

    assert found == len(re.findall(r'<form[^<]*method="post"', source))
    assert time.process_time() - started < 0.5


def test_a_form_that_asks_gets_none_and_many_of_them_take_no_longer():
    asks = '<form method="get" action="/{{ a > b }}{% if a > b %}x{% endif %}">{{ "}" }}' * 2000
    started = time.process_time()

    assert "form_token" not in read(asks)
    assert time.process_time() - started < 1
    assert (
        read('<form action="{{ a > b }}" method="post">')
        == '<form action="{{ a > b }}" method="post">{{ form_token() }}'
    )
