"""The contents of a long page, made from its headings."""

import re
from html import unescape

from django import template
from django.template.loader import render_to_string
from django.utils.html import strip_tags
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

HEADING = re.compile(r'<h2 id="([\w-]+)">(.*?)</h2>', re.DOTALL)
TAG_BESIDE = re.compile(r"<span.*", re.DOTALL)  # such as "exploratory", which is no part of the title


@register.simple_block_tag
def with_contents(content: str) -> SafeString:
    """What the block holds, beside links to its headings of the second level that have an id.

    The links are taken from the page itself, so that none leads to a section that is not there.
    """
    entries = [
        (name, unescape(strip_tags(TAG_BESIDE.sub("", title))).strip()) for name, title in HEADING.findall(content)
    ]
    # The block was rendered by Django, which has escaped what it had to.
    return mark_safe(render_to_string("results/contents.html", {"entries": entries, "content": mark_safe(content)}))
