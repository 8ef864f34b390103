"""Tools of MCP servers (https://modelcontextprotocol.io), which ``mcp.json`` in the data folder names.

Only :mod:`core.tools.mcp.server_connection` imports the SDK, the extra ``moonthread[mcp]``: that takes two
seconds and 60 MB, so a deployment without servers never does.
"""
