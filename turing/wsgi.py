"""WSGI application, for gunicorn."""

import os

from django.core.wsgi import get_wsgi_application

from turing.serving.limits import with_readable_content_type
from turing.serving.production import refuse_unsafe_start

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "turing.settings")

application = with_readable_content_type(get_wsgi_application())
refuse_unsafe_start()
