"""The preregistration as a file."""

import json
from typing import Any

PRECISION = "precision"  # the table that follows the reason for the sample size


def markdown(document: dict[str, Any]) -> str:
    """The document as Markdown."""
    stamp = document["stamp"]
    lines = [
        "# Preregistration",
        "",
        stamp["note"],
        "",
        f"- Design hash (SHA-256): `{stamp['design_hash'] or 'given when the study opens'}`",
        f"- Written {stamp['written_at']} by {stamp['software']}",
        "",
    ]
    for number, section in enumerate(document["sections"], start=1):
        lines += [f"## {number}. {section['title']}", ""]
        for item in section["items"]:
            lines += [f"### {item['prompt']}", "", item["answer"], ""]
            if item.get("table") == PRECISION:
                lines += [
                    "| readers and images differ | readers | interval width | power |",
                    "| --- | ---: | ---: | ---: |",
                ]
                lines += [
                    f"| {row['structure']} | {row['readers']} | {row['width']:.3f} | {row['power']:.0%} |"
                    for row in document["sampling"]["rows"]
                ]
                lines.append("")
    return "\n".join(lines)


FORMATS = {"md": "text/markdown; charset=utf-8", "json": "application/json"}


def write(document: dict[str, Any], format: str) -> str:
    """The document in one of `FORMATS`."""
    return markdown(document) if format == "md" else json.dumps(document, indent=1, ensure_ascii=False) + "\n"
