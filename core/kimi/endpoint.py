"""A provider's address and the headers of every request to it."""

import httpx

_CHAT_PATH = "/chat/completions"


class Endpoint:
    """A provider's base URL and key; its ``repr`` hides the key.

    Moonshot's base URL ends in ``/v1``, Ace Data Cloud's in ``/kimi``; both continue with
    ``/chat/completions``. A base URL that includes this path is accepted too.
    """

    def __init__(self, *, api_key: str, base_url: str) -> None:
        """Check key and base URL.

        Raises:
            ValueError: the base URL is no HTTP address, or the key cannot be sent in a header.
        """
        api_key = api_key.strip()
        if not api_key or not api_key.isascii() or not api_key.isprintable() or " " in api_key:
            raise ValueError("the API key is empty or holds characters that no key has")
        base_url = base_url.strip().rstrip("/").removesuffix(_CHAT_PATH).rstrip("/")
        if not _is_http_url(base_url):
            raise ValueError("the base URL is no http(s) address")
        self.base_url = base_url
        self.chat_url = base_url + _CHAT_PATH
        self.models_url = base_url + "/models"
        self.token_count_url = base_url + "/tokenizers/estimate-token-count"
        self.files_url = base_url + "/files"
        self.secrets = (api_key,)
        self.headers = {
            "Authorization": f"Bearer {api_key}",
            "Accept": "text/event-stream, application/json",
            "Accept-Encoding": "identity",  # compression would hold back pieces of a stream
            "Content-Type": "application/json",
            "User-Agent": "moonthread",
        }

    def __repr__(self) -> str:
        return f"Endpoint({self.base_url!r})"


def _is_http_url(url: str) -> bool:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return parsed.scheme in ("http", "https") and bool(parsed.host)
