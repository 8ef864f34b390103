"""Settings.

``test_load`` covers the modules that declare fields (``account``, ``chat``, ``delivery``, ``desk``,
``model``), their declaration (``declare``), validation (``shapes``) and description (``spec``): a field is
seen only in what :func:`core.settings.load` makes of a variable.
"""
