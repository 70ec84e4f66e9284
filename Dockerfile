# Builds with docker, podman and buildah. The result has no shell and no pip: what runs, and nothing else.
#
# BASE is a Debian-based image with Python 3.11 or newer and its venv module; give it by digest
# (python:3.11-slim-bookworm@sha256:...) where it has to be the same each time. The tests build with buildah, on Debian
# with Debian's own Python.
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE} AS build

# For a package index other than PyPI. It stays in this stage, so it must hold no password.
ARG PIP_INDEX_URL
WORKDIR /build

COPY requirements/build.txt requirements/run.txt requirements/
RUN python3 -m venv tools \
 && python3 -m venv --without-pip /app \
 && export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 \
 && tools/bin/pip install --quiet --require-hashes --only-binary=:all: --requirement requirements/build.txt \
 && tools/bin/pip --python /app/bin/python install --quiet --no-compile --require-hashes --only-binary=:all: \
    --requirement requirements/run.txt

COPY hack/image hack/image
RUN python3 hack/image/prune.py /app/lib/python3.*/site-packages

COPY LICENSE pyproject.toml ./
COPY operator operator
RUN tools/bin/pip wheel --quiet --no-index --no-deps --no-build-isolation --wheel-dir dist . \
 && tools/bin/pip --python /app/bin/python install --quiet --no-compile --no-index --no-deps dist/*.whl \
 && /app/bin/python hack/image/collect.py /image

# As in a pod: that user, and no other file system than the image's.
FROM scratch AS check
COPY --from=build /image /
COPY hack/image /check/image
ENV PYTHONPATH=/check
USER 65532:65532
RUN ["/app/bin/python", "-B", "-m", "image.check"]

FROM scratch
COPY --from=build /image /
# An empty folder once more, since a stage that nothing is copied from would be skipped.
COPY --from=check /tmp /tmp
# HOME for users that /etc/passwd does not know, as OpenShift's.
ENV PATH=/app/bin HOME=/
USER 65532:65532
ENTRYPOINT ["adobe-ims-operator"]
CMD ["run"]
LABEL org.opencontainers.image.title="adobe-ims-operator" \
      org.opencontainers.image.description="A Kubernetes operator that keeps a fresh Adobe IMS access token in a Secret" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
