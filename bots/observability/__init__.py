"""Observability of one replica: metrics, readiness, traces, logs and the watchdog.

::

    metrics.py           every metric: name, labels, unit and meaning
    metrics_registry.py  the values of one process
    metric_labels.py     label values for the types of core
    metrics_observer.py  what core reports, counted and traced
    gauges.py            states that are read when /metrics is requested
    readiness.py         which components are ready
    http_endpoints.py    /healthz, /readyz and /metrics
    loop_lag.py          how late the event loop is
    watchdog.py          restarts a connection that has gone silent
    logging_setup.py     one format for all log lines, without secrets
    tracing.py           OpenTelemetry, if it is installed and enabled
    monitoring.py        all of them for one service
    dashboard.json       for Grafana
    alerts.yaml          for Prometheus
"""
