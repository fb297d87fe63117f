"""Figures as a page shows them: in the page's own type, and in its colours, light or dark."""

from turing.results.figures.style import ACCENT, INK, MUTED, PAPER, SOFT, WARM

TYPE = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'  # as in static/css/site.css
DARK = {INK: "#e4e9ee", SOFT: "#a9b4bf", ACCENT: "#66c7cc", MUTED: "#8d9aa7", WARM: "#f09a72", PAPER: "#1b232c"}


def for_page(svg: bytes) -> bytes:
    """The figure's SVG for a browser. Files for download stay as they are: drawing programs know no such styles."""
    names = {colour: f"--c{index}" for index, colour in enumerate(DARK)}
    light = "".join(f"{name}:{colour};" for colour, name in names.items())
    dark = "".join(f"{name}:{DARK[colour]};" for colour, name in names.items())
    text = svg.decode()
    for colour, name in names.items():
        text = text.replace(colour, f"var({name})")
    style = (
        f":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
        f"text,tspan{{font-family:{TYPE}!important}}"
    )
    start = text.index(">", text.index("<svg")) + 1
    return f"{text[:start]}<style>{style}</style>{text[start:]}".encode()
