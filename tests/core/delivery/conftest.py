"""Tests of the delivery: on virtual time, with a platform in memory.

``platform_call.py`` and ``message_target.py`` hold only data types; ``call_source.py`` is the interface
that ``test_single_call.py`` and ``test_streamed_message.py`` test by its two implementations, and
``wanted_calls.py`` is tested with the scheduler that asks for it (``test_scheduler.py``).
"""
