"""Attempts are counted in the cache, so each test begins with an empty one."""

import re

import pytest
from django.core import mail
from django.core.cache import cache
from django.urls import reverse

from tests.conftest import PASSWORD
from turing.people.post import wait_until_sent

PROFILE = {"profession": "nurse", "specialty": "other", "years_experience": 3, "country": "DE"}
OTHER_PASSWORD = "another-lens-12"


@pytest.fixture(autouse=True)
def no_counts():
    cache.clear()
    yield
    wait_until_sent()


@pytest.fixture
def posted(db, client, django_capture_on_commit_callbacks):
    """A POST to a named page, and what was e-mailed because of it."""

    def post(name, data=None, by=client, **headers):
        mail.outbox.clear()
        with django_capture_on_commit_callbacks(execute=True):
            response = by.post(name if "/" in name else reverse(name), data or {}, **headers)
        wait_until_sent()
        return response

    return post


def registration(email: str, password: str = PASSWORD, **more) -> dict:
    return {"name": "Dr Ayse Example", "email": email, "password": password, **PROFILE, **more}


def link_in(letter, part: str) -> str:
    """The path of the letter's first link that has `part` in it."""
    return next(path for path in re.findall(r"http://testserver(\S+)", letter.body) if part in path)
