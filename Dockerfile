# threatboard: both roles of the program in one image. Build it with `--format docker` (podman, buildah): the OCI format
# has no health check.
#
# BUILD needs pip or venv, BASE only Python, and both the same Python 3.11 or newer at the same path; BASE may be smaller.
# Give both with their digests (python:3.11-slim-bookworm@sha256:…) to build the same image tomorrow.
ARG BUILD=python:3.11-slim-bookworm
ARG BASE=python:3.11-slim-bookworm

# hadolint ignore=DL3006
FROM ${BUILD} AS build
WORKDIR /source
# The environment that is shipped has no pip in it: the one that fills it stays here. Every package is the one whose hash
# is in image/requirements.txt, which `make lock` writes.
COPY image image
RUN python3 -m venv /pip \
 && python3 -m venv --without-pip /opt/threatboard \
 && /pip/bin/pip install --no-cache-dir --require-hashes -r image/build-requirements.txt \
 && /pip/bin/pip --python /opt/threatboard/bin/python install --no-cache-dir --require-hashes --only-binary :all: \
      -r image/requirements.txt
COPY . .
RUN /pip/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /pip/bin/pip --python /opt/threatboard/bin/python install --no-cache-dir --no-deps --no-index /wheels/*.whl \
 && mkdir /opt/threatboard/sbom \
 && python3 image/sbom.py "$(/opt/threatboard/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
      >/opt/threatboard/sbom/threatboard.cdx.json

# hadolint ignore=DL3006
FROM ${BASE}
ARG VERSION=unknown
ARG REVISION=unknown
ARG BASE
LABEL org.opencontainers.image.title="threatboard" \
      org.opencontainers.image.description="Falco, Cilium and WAF events as Prometheus metrics" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE}"
# What could install something goes, from bases that have it. Without a shell, which BASE may lack.
RUN ["python3", "-c", "import pathlib, shutil, sysconfig; \
    paths = sysconfig.get_paths(); \
    gone = [found for key in ('purelib', 'platlib') for name in ('pip', 'setuptools', 'wheel', 'pkg_resources') \
            for found in pathlib.Path(paths[key]).glob(name + '*')]; \
    gone += [pathlib.Path(paths['stdlib'], 'ensurepip'), *pathlib.Path(paths['scripts']).glob('pip*')]; \
    [shutil.rmtree(found) if found.is_dir() else found.unlink() for found in set(gone) if found.exists()]"]
COPY --from=build /opt/threatboard /opt/threatboard
ENV PATH=/opt/threatboard/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
EXPOSE 2801 9376
# Kubernetes has probes of its own; with TLS on metrics.listen, turn this off (--no-healthcheck). No proxy is asked, whatever
# http_proxy says.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["python3", "-c", "import urllib.request as r; r.build_opener(r.ProxyHandler({})).open('http://127.0.0.1:9376/healthz', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["threatboard"]
CMD ["receive"]
