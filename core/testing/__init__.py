"""Fakes with behaviour for tests: they pass the same contract tests as the real adapters.

The service itself never imports this package.
"""
