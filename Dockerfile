# Builds with docker, podman and buildah. The result has no shell and no pip: what runs, and nothing else.
# `--target stand-in` builds the stand-in for Adobe IMS instead, of which the operator's image holds nothing.
#
# BASE is a Debian-based image with Python 3.11 or newer and its venv module; give it by digest
# (python:3.11-slim-bookworm@sha256:...) where it has to be the same each time. The tests build with buildah, on Debian
# with Debian's own Python.
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE} AS tools

# For a package index other than the usual one. It stays in this stage, so it must hold no password.
ARG PIP_INDEX_URL
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1

# Wheels bring symbols for debuggers, which are a sixth of the image.
RUN command -v strip > /dev/null \
 || { apt-get update -qq && apt-get install -qq --yes --no-install-recommends binutils > /dev/null; }

COPY requirements/build.txt requirements/
RUN python3 -m venv tools \
 && python3 -m venv --without-pip /app \
 && tools/bin/pip install --quiet --require-hashes --only-binary=:all: --requirement requirements/build.txt
COPY hack/image hack/image

FROM tools AS build-stand-in
COPY requirements/stand-in.txt requirements/
RUN tools/bin/pip --python /app/bin/python install --quiet --no-compile --require-hashes --only-binary=:all: \
    --requirement requirements/stand-in.txt
COPY hack/stand-in hack/stand-in
COPY operator/adobe_ims_stand_in operator/adobe_ims_stand_in
RUN tools/bin/pip wheel --quiet --no-index --no-deps --no-build-isolation --wheel-dir dist ./hack/stand-in \
 && tools/bin/pip --python /app/bin/python install --quiet --no-compile --no-index --no-deps dist/*.whl \
 && find /app -name '*.so' -exec strip --strip-unneeded {} + \
 && /app/bin/python hack/image/collect.py /image adobe-ims-stand-in

FROM scratch AS check-stand-in
COPY --from=build-stand-in /image /
COPY hack/image /check/image
ENV PYTHONPATH=/check
USER 65532:65532
RUN ["/app/bin/python", "-B", "-m", "image.check", "adobe_ims_stand_in"]

FROM scratch AS stand-in
COPY --from=build-stand-in /image /
COPY --from=check-stand-in /tmp /tmp
ENV PATH=/app/bin HOME=/
USER 65532:65532
ENTRYPOINT ["adobe-ims-stand-in"]
CMD ["run"]
LABEL org.opencontainers.image.title="adobe-ims-stand-in" \
      org.opencontainers.image.description="A stand-in for Adobe IMS, to try programs without an Adobe account" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"

FROM tools AS build-operator
COPY requirements/run.txt requirements/
RUN tools/bin/pip --python /app/bin/python install --quiet --no-compile --require-hashes --only-binary=:all: \
    --requirement requirements/run.txt \
 && python3 hack/image/prune.py /app/lib/python3.*/site-packages
COPY LICENSE pyproject.toml ./
COPY operator/adobe_ims_operator operator/adobe_ims_operator
RUN tools/bin/pip wheel --quiet --no-index --no-deps --no-build-isolation --wheel-dir dist . \
 && tools/bin/pip --python /app/bin/python install --quiet --no-compile --no-index --no-deps dist/*.whl \
 && find /app -name '*.so' -exec strip --strip-unneeded {} + \
 && /app/bin/python hack/image/collect.py /image adobe-ims-operator

# As in a pod: that user, and no other file system than the image's.
FROM scratch AS check-operator
COPY --from=build-operator /image /
COPY hack/image /check/image
ENV PYTHONPATH=/check
USER 65532:65532
RUN ["/app/bin/python", "-B", "-m", "image.check", "adobe_ims_operator"]

FROM scratch AS operator
COPY --from=build-operator /image /
# An empty folder once more, since a stage that nothing is copied from would be skipped.
COPY --from=check-operator /tmp /tmp
# HOME for users that /etc/passwd does not know, as OpenShift's.
ENV PATH=/app/bin HOME=/
USER 65532:65532
ENTRYPOINT ["adobe-ims-operator"]
CMD ["run"]
LABEL org.opencontainers.image.title="adobe-ims-operator" \
      org.opencontainers.image.description="A Kubernetes operator that keeps a fresh Adobe IMS access token in a Secret" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
