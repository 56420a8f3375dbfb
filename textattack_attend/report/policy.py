"""The Content-Security-Policy of the page: its own script and its own style, and nothing else.

What escapes the escaping of texts, in this version or a later one, is not executed by the browser,
and nothing that a page shows can be sent away.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256


def content_security_policy(script: str, style: str) -> str:
    """Returns the policy of a page.

    Args:
        script: the text between the tags of its script.
        style: the text between the tags of its style sheet.
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_digest(script)}'",
            f"style-src '{_digest(style)}'",
            "img-src data:",  # figures hold maps as bitmaps
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _digest(content: str) -> str:
    return f"sha256-{b64encode(sha256(content.encode()).digest()).decode()}"
