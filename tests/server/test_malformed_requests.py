"""No bytes that a client sends make the site fail: every answer is below 500, and the next one is 200."""

REQUESTS = {
    "a Content-Type with an unknown encoding": ("POST", "/accounts/login/", "Content-Type: a/b; charset*=nope''x"),
    "a Content-Type of parameters alone": ("POST", "/accounts/login/", "Content-Type: ;;;=;"),
    "a Content-Type in Latin-1": ("POST", "/accounts/login/", "Content-Type: \xff\xfe; charset=\xff"),
    "a character set that is no path": ("POST", "/accounts/login/", "Content-Type: a/b; charset=../../etc/passwd"),
    "a multipart body without boundary": ("POST", "/accounts/login/", "Content-Type: multipart/form-data"),
    "a multipart boundary that is none": (
        "POST",
        "/accounts/login/",
        "Content-Type: multipart/form-data; boundary=\xff" + "a" * 400,
    ),
    "a body in UTF-16": ("POST", "/accounts/login/", "Content-Type: application/x-www-form-urlencoded; charset=utf-16"),
    "a JSON body": ("POST", "/accounts/login/", "Content-Type: application/json"),
    "bad cookies": ("GET", "/", 'Cookie: =; csrftoken="\x01; sessionid=\xff\xfe; a=b=c; ;;'),
    "a language of many parts": ("GET", "/", "Accept-Language: " + "tr-" * 2000),
    "a bad Host": ("GET", "/", "Host: a b/../"),
    "two Hosts": ("GET", "/", "Host: localhost\r\nHost: other"),
    "a NUL in the path": ("GET", "/studies/%00/", "X: 1"),
    "a NUL in the query": ("GET", "/studies/a/?invitation=%00", "X: 1"),
    "a path that is not UTF-8": ("GET", "/studies/%ff%fe/", "X: 1"),
    "a broken escape": ("GET", "/%zz%", "X: 1"),
    "an over-long address": ("GET", "/" + "a" * 5000, "X: 1"),
    "dots in a path": ("GET", "/static/../../../etc/passwd", "X: 1"),
    "a surrogate in a query": ("GET", "/accounts/login/?next=%ed%a0%80", "X: 1"),
    "an unknown method": ("BREW", "/", "X: 1"),
    "a bad Range": ("GET", "/static/css/site.css", "Range: bytes=9-1,-,a"),
    "a bad If-Modified-Since": ("GET", "/static/css/site.css", "If-Modified-Since: yesterday"),
}


def test_every_malformed_request_is_refused_without_failing(serve):
    server = serve("--workers", "1")
    failed = {}
    for name, (method, path, header) in REQUESTS.items():
        host = "" if header.startswith("Host") else "Host: localhost\r\n"
        body = b"--x\r\nusername=%ff\x00" if method == "POST" else b""
        head = f"{method} {path} HTTP/1.1\r\n{host}{header}\r\nContent-Length: {len(body)}\r\n\r\n"
        status = server.status(head.encode("latin-1") + body)
        if not 200 <= status < 500:
            failed[name] = status
    assert not failed
    assert server.get("/healthz") == 200


def test_fifty_megabytes_are_refused_before_they_arrive(serve):
    server = serve("--workers", "1", REQUEST_SECONDS="600")
    for path, status in {"/accounts/login/": 413, "/none-such/": 404}.items():
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        head += f"Content-Length: {50 * 2**20}\r\n\r\n--x\r\n"
        assert server.status(head.encode()) == status
    assert server.get("/healthz") == 200
