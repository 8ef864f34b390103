"""The composition root: the only place where settings become objects that know each other."""
