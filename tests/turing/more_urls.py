"""The site's addresses, and one more page beside the studies."""

from django.urls import path

from turing.urls import urlpatterns as ours
from turing.views import home

urlpatterns = [path("research/studies/calendar/", home, name="calendar"), *ours]
