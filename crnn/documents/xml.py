"""What may stand in an XML file."""

from __future__ import annotations

import re

# XML 1.0, section 2.2: what is no character there; surrogates are what file names in other encodings become
FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def visible(text: str) -> str:
    """`text` with characters that XML cannot hold replaced."""
    return FORBIDDEN.sub("\ufffd", text)
