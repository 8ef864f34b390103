"""Redaction of personal data and secret terms in texts that are sent to Kimi. Pure."""
