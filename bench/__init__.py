"""What `make bench` measures: each figure beside another that was measured in the same run, CPU time and not wall time.

Machines differ and are shared, so a figure alone says little: an alert's cost is given as a share of what the least
possible server pays for it (`bench/limit.py`), the page beside what `prometheus_client` does with the same series.
"""
