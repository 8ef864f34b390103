"""Tools of MCP servers (https://modelcontextprotocol.io), which ``mcp.json`` in the data folder names.

Only :mod:`core.tools.mcp.connection` imports the SDK, which is the extra ``moonthread[mcp]``: importing it
takes two seconds and 60 MB, so a deployment without servers never does.
"""
