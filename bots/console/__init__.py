"""The web console: an operator watches answers, conversations, the desk, knowledge and cost in a browser.

Pages are rendered on the server (Jinja2, always escaped) from the database, so that any replica shows
everything. Nothing is loaded from elsewhere, and no script or style stands in a page. People sign in
with a link that works once (``moonthread console``). Opening a conversation, searching and reading gaps are
audited; the overview, which shows growing answers, and the list of conversations are not.
"""

from pathlib import Path
from typing import Final

DRAWING: Final = Path(__file__).parent / "static" / "drawing"
"""Scripts and styles that draw answers, for the console and for the demo's page."""
