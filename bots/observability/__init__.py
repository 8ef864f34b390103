"""Operating the service: figures, readiness, traces, the watchdog; a dashboard and alerts as files.

::

    metrics.py      every metric: name, labels, unit and meaning
    observer.py     what the service tells, as figures and traces
    gauges.py       what is looked up when figures are asked for
    readiness.py    which parts are ready
    pages.py        /healthz, /readyz and /metrics
    lag.py          how late the event loop is
    watchdog.py     restarts a way in that has gone silent
    tracing.py      OpenTelemetry, where it is installed and asked for
    dashboard.json  for Grafana
    alerts.yaml     for Prometheus
"""
