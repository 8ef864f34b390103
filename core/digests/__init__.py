"""Digests: summaries of a channel or group, on request or at fixed times.

::

    /digest, or the rule digest=…    a question of its own, in the queue of its conversation
       │
    period      the messages that it is about
       │
    reader      from the channel's history (Slack), else from what the rule remember=… keeps
       │
    preparer    one request to Kimi, or notes on each part first if they are too many

The messages are untrusted: they reach Kimi as material, and no tool can be called in a digest.
"""
