"""URLs of pictures and videos in a request to Kimi. Pure."""

import base64
from typing import Final

KIMI_FILE_SCHEME: Final = "ms://"  #: followed by the id of a file that the account stores


def data_url(media_type: str, data: bytes) -> str:
    """Return a ``data:`` URL. Megabytes take a while to encode: run it in a thread."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"
