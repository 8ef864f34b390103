"""Markdown as models write it: cutting, holding back, neutralising."""
