"""The platforms, the command line, observability and the local stand-ins, on top of ``core``."""
