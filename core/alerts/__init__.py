"""Alerts: the deployment's admins are told, once, of what they must act on, and once when it is over."""
