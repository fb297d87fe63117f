"""How the site is served, whatever page is asked for.

`server` is gunicorn's worker, `limits` refuses requests unread, `headers` and `middleware` add to every answer,
`failures` answers what went wrong, `logs` writes one line a request, `health` and `metrics` tell how the site is,
`production` refuses an unsafe start.
"""
