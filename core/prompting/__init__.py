"""Building a request to Kimi: history, summary, files, options."""
