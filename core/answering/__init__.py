"""Streaming one answer: from the stored question to the stored, whole text."""
