"""The contents of a long page are its headings, and every link within a page leads somewhere."""

import re

from django.core.management import call_command
from django.template import Context, Template
from django.test import Client
from django.urls import reverse

from turing.models import Response, Study
from turing.results.published.publishing import publish


def test_contents_are_the_headings_that_are_there_and_nothing_else():
    page = (
        "{% load contents %}{% with_contents %}"
        '<h2 id="one">{{ title }} <span class="tag">exploratory</span></h2><h3 id="part">A part</h3>'
        '<h2>No id</h2><h2 id="three">Three</h2>'
        '{% if not title %}<h2 id="absent">Absent</h2>{% endif %}<h2 id="two">Two</h2>{% endwith_contents %}'
    )
    html = Template(page).render(Context({"title": "Real & <generated>"}))
    navigation, sections = html.split("</nav>")
    links = re.findall(r'href="#(\w+)">(.*?)</a>', navigation)
    assert links == [("one", "Real &amp; &lt;generated&gt;"), ("three", "Three"), ("two", "Two")]
    assert '<h2 id="one">Real &amp; &lt;generated&gt; <span' in sections


def test_links_within_the_pages_of_results_lead_to_something_that_is_there_once(study, client, researcher):
    call_command("simulate_readers", study.slug, readers=6, seed=3)
    first = study.readings.earliest("pk")
    Response.objects.filter(trial__reading=first, trial__position__gt=5).delete()  # a reader who stopped early
    call_command("close_study", study.slug)
    publish(Study.objects.get(pk=study.pk))
    client.force_login(researcher)
    for name, browser in (("results", client), ("published", Client())):
        page = browser.get(reverse(name, args=[study.slug])).content.decode()
        ids = re.findall(r' id="([^"]+)"', page)
        assert len(ids) == len(set(ids))
        links = re.findall(r'href="#([^"]+)"', page)
        assert set(links) <= set(ids)
        assert page.count('class="headline"') == 1
    assert len(links) > 8
