"""The web console: an operator watches answers, conversations, the desk, knowledge and cost in a browser.

Pages are rendered on the server (Jinja2, always escaped) from the database, so that any replica shows
everything. Nothing is loaded from elsewhere, and no script or style stands in a page. People sign in
with a link that works once (``moonthread console``); every look at people's words is audited.
"""
