"""The platforms, the command line and the local stand-ins, all on top of ``core``."""
