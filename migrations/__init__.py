"""Alembic migrations: the history of the declared tables, in steps that let two versions run side by side.

During a rolling restart the old version and the new one work on the same tables. So a change comes
in two kinds of steps, each a revision of its own:

**Expand.** What old code does not notice: a new table, a new index that is not unique, a new column
that may be NULL or has a default in the database, a column made wider or NULL allowed. A revision is
of this kind unless it says otherwise. ``moonthread run`` and ``moonthread db upgrade`` take them.

**Contract.** What only code that is gone would miss: dropping, renaming, making narrower, NOT NULL, a new
UNIQUE, CHECK or FOREIGN KEY on an existing table. Such a revision carries ``contract = "0042"``: the
oldest revision whose code may run afterwards, which is at least that of the release before. It stands
after the release's expand steps. ``moonthread db contract`` takes it once every replica is new;
else the next release's upgrade does, whose replicas stand beside this release's only.

The table ``schema_floor`` holds that oldest revision. Code that finds tables newer than it knows
goes on where the floor is not above its own newest revision, and refuses to start elsewhere.

So a rename takes two releases: add the new column and write both (expand), then read the new one; drop the
old one in the release after (contract). ``tests/migrations`` reads every revision's operations and
holds it to this, and runs what the release before wrote and read against the newest tables.
"""
