"""How the site is served, whichever page is requested.

`server` is gunicorn's worker, `limits` refuses requests before they are read, `headers` and `middleware` add headers to
every response, `failures` responds to errors, `logs` writes one line for each request, `health` and `metrics` report
the state of the site, `production` refuses an unsafe start.
"""
