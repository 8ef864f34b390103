"""What tests look for in the requests that Kimi gets."""

from collections.abc import Mapping
from typing import Any


def is_document(message: Mapping[str, Any]) -> bool:
    """Return whether a message of a request holds a file's words."""
    return str(message["content"]).startswith(
        ('The file "', 'Parts of the file "', "Files of the following question")
    )
