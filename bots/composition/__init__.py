"""The composition root: the only package that turns settings into connected objects.

Each stage is a function that takes settings and the results of earlier stages and returns a frozen
dataclass, so that the order of the stages follows from their parameters:

==========================  ==================================================================
``build_infrastructure``    database, clock, metrics and platforms; needs only settings
``build_llm``               providers, limiters, and the model in its wrappers
``build_delivery``          dispatcher, budgets, and the work queue
``build_staff_directory``   who counts as staff
``build_files``             download, read and delete files; needs the providers
``build_handoff``           the team's desk; needs delivery and staff
``build_knowledge``         retrieval, its commands, answers without Kimi; needs files, staff, desk
``build_ingestor``          the event sink; needs the work queue, staff and desk
``build_processor``         prompts, tools, commands and turns; needs everything above and a model
==========================  ==================================================================

:mod:`.components` calls all but the last in order; :mod:`.service` starts and stops the result, and
builds the turn runner once the provider has said which models there are.
"""
