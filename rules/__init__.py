"""Recording rules and alerts as code: three files an alert, one bundle for Prometheus and one for the chart."""
