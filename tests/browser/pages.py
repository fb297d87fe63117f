"""What browser tests do with pages."""

from playwright.sync_api import Page


def press(page: Page, *keys: str) -> None:
    """Press keys one after the other, as the person does whose page is in front.

    Chromium draws no frames for a page behind another one, and a key pressed there may never be acknowledged: the
    test would wait for ever.
    """
    page.bring_to_front()
    for key in keys:
        page.keyboard.press(key)
