"""Words that would reveal the purpose to readers of a purpose-blinded study, in the languages of the site."""

import re

# Beginnings of words, in lower case, without Turkish dotted and dotless i.
BEGINNINGS = (
    "generat", "synthetic", "synthes", "artificial", "computer", "fake", "deepfake", "forged", "forger", "authentic",
    "genuine", "turing", "neural", "phantom",
    "üret", "uret", "sentetik", "yapay", "bilgisayar", "sahte", "gerçek", "gercek", "hakiki", "uydurma",
)  # fmt: skip
REAL = r"(?:un)?real(?:ism|ist\w*|ity|ness)?"  # but not 'realise'
WORDS = re.compile(rf"(?<!\w)(?:{REAL}|(?:{'|'.join(BEGINNINGS)})\w*)(?!\w)", re.IGNORECASE)
SHORT = re.compile(
    r"(?<!\w)(?:AI|A\.I\.|GANs?|YZ)(?!\w)"
)  # only in capitals, because in lower case these are other words


def telling_words(text: str) -> list[str]:
    """The telling words in the text as they are written there, each once; empty if there is none."""
    plain = text.replace("İ", "i").replace(
        "\u0131", "i"
    )  # one letter for each letter, so that positions in both texts are the same
    found = sorted((one.start(), one.end()) for pattern in (WORDS, SHORT) for one in pattern.finditer(plain))
    return list(dict.fromkeys(text[start:end] for start, end in found))


def telling_words_of_address(slug: str) -> list[str]:
    """As `telling_words`, for a study's address, in which capitals are lower case and hyphens separate words."""
    return list(dict.fromkeys([*telling_words(slug.replace("_", "-")), *telling_words(slug.upper())]))
