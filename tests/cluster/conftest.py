"""These tests run a real Kubernetes control plane: they run only when asked for, by `make test-cluster`."""

import os

collect_ignore_glob = [] if os.environ.get("TEST_CLUSTER") else ["test_*.py"]
