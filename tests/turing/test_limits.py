"""Bodies are refused before anything reads them, and no malformed request makes the site fail."""

from io import BytesIO

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import path

from turing.serving.limits import takes_bodies_up_to
from turing.wsgi import application

# A request may find a connection that an earlier test left open, and looks whether it is still good.
pytestmark = pytest.mark.django_db

LOG_IN = "/accounts/login/"
FORM = "application/x-www-form-urlencoded"
NOT_UTF_8 = ["utf-16", '"UTF-7"', "rot13", "hex", "utf-32", "none-such", "latin-1", "../utf-8", '"', "*"]


@takes_bodies_up_to(2 * 2**20)
def upload(request):
    return HttpResponse(str(len(request.body)))


urlpatterns = [path("upload/", upload), path("form/", lambda request: HttpResponse(str(len(request.body))))]


class Unread:
    """A body that must not be read."""

    def read(self, *size):
        raise AssertionError("the body was read")

    readline = read


def status_of(method: str, address: str, kind: str, body: bytes = b"") -> int:
    """The status of the answer from the application that gunicorn serves."""
    address, _, query = address.partition("?")
    environ = RequestFactory()._base_environ(REQUEST_METHOD=method, PATH_INFO=address, QUERY_STRING=query)
    environ |= {"CONTENT_TYPE": kind, "CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body)}
    statuses: list[str] = []
    for _ in application(environ, lambda status, headers: statuses.append(status)):
        pass
    return int(statuses[0].split()[0])


@pytest.mark.parametrize("kind", [FORM, "multipart/form-data; boundary=x"])
def test_an_over_large_body_is_refused_unread(client, db, kind):
    environ = {"CONTENT_TYPE": kind, "CONTENT_LENGTH": str(50 * 2**20), "wsgi.input": Unread()}
    answer = client.generic("POST", LOG_IN, **environ)
    assert answer.status_code == 413
    assert "512 KB" in answer.content.decode()


def test_a_script_is_refused_in_json(client, db):
    body = b"a" * 600 * 1024
    answer = client.post(LOG_IN, body, content_type=FORM, headers={"Accept": "application/json"})
    assert answer.status_code == 413
    assert "512 KB" in answer.json()["error"]


@pytest.mark.parametrize(
    "kind",
    ["application/json", "text/plain", "a/b; charset*=nope''x", *(f"{FORM}; charset={name}" for name in NOT_UTF_8)],
)
def test_only_forms_in_utf_8_are_read(kind):
    assert status_of("POST", LOG_IN, kind, b"username=a") == 415


@pytest.mark.parametrize("kind", [FORM, f"{FORM}; charset=utf-8", f'{FORM}; charset="UTF8"', f"{FORM};q=1"])
def test_forms_in_utf_8_are_read_however_it_is_said(kind):
    assert status_of("POST", LOG_IN, kind, b"username=a") == 403  # read, and found without CSRF token


def test_small_multipart_forms_are_read(client, db):
    assert client.post(LOG_IN, {"username": "a@b.example", "password": "x"}).status_code == 200


@pytest.mark.django_db(transaction=True)  # the page asks the database, over a connection of its own
@pytest.mark.parametrize("name", NOT_UTF_8)
def test_an_address_is_read_in_utf_8_whatever_the_content_type_says(name):
    assert status_of("GET", f"{LOG_IN}?next=/", f"text/plain; charset={name}") == 200


def test_an_address_with_too_many_fields_is_a_bad_request():
    assert status_of("GET", f"{LOG_IN}?" + "a&" * 1500, f"{FORM}; charset=utf-8") == 400


@pytest.mark.parametrize(
    "address", ["/accounts/login/?next=%00", "/studies/a%00b/", "/research/runs/1/grids/%00/1.png"]
)
def test_a_nul_in_the_address_is_a_bad_request(client, db, address):
    assert client.get(address).status_code == 400


@override_settings(ROOT_URLCONF=__name__)
def test_a_view_can_take_more():
    client = Client()
    body = b"a" * 2**20
    with override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=2**19):
        assert client.post("/form/", body, content_type=FORM).status_code == 413
    with override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=2**21):
        assert client.post("/upload/", body, content_type=FORM).content == b"1048576"
    assert client.post("/upload/", body * 3, content_type=FORM).status_code == 413


def test_pages_carry_the_headers_that_isolate_them(client, db):
    headers = client.get("/").headers
    assert "camera=()" in headers["Permissions-Policy"]
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "default-src 'self'" in headers["Content-Security-Policy"]
