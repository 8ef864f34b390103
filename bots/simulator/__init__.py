"""Strict local stand-ins for Kimi, Slack and Telegram, and the demo built on them.

They are product code: ``moonthread demo`` runs on them and every service test drives the real
SDKs against them. Each refuses what the real service refuses, with the same texts.
"""
