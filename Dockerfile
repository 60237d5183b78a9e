# threatboard: both roles of the program in one image. Build it with `--format docker` (podman, buildah): the OCI format
# has no health check.
#
# BUILD needs pip or venv, BASE only Python, and both the same Python 3.11 or newer at the same path; BASE may be smaller.
ARG BUILD=python:3.11-slim-bookworm
ARG BASE=python:3.11-slim-bookworm

# hadolint ignore=DL3006
FROM ${BUILD} AS build
WORKDIR /source
COPY . .
# The environment that is shipped has no pip in it: the one that fills it stays here.
RUN python3 -m venv /pip \
 && python3 -m venv --without-pip /opt/threatboard \
 && /pip/bin/pip --python /opt/threatboard/bin/python install --no-cache-dir ".[watch]"

# hadolint ignore=DL3006
FROM ${BASE}
LABEL org.opencontainers.image.title="threatboard" \
      org.opencontainers.image.description="Falco, Cilium and WAF events as Prometheus metrics" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/threatboard /opt/threatboard
ENV PATH=/opt/threatboard/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
EXPOSE 2801 9376
# Kubernetes has probes of its own; with TLS on metrics.listen, turn this off (--no-healthcheck).
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["python3", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:9376/healthz', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["threatboard"]
CMD ["receive"]
