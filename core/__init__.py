"""Moonthread's core: Kimi, conversations, storage and delivery; it knows no platform."""
