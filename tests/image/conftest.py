"""These tests build container images: they run only when asked for, by `make test-image`."""

import os

collect_ignore_glob = [] if os.environ.get("TEST_IMAGE") else ["test_*.py"]
