# What OCI Functions runs. `make image` builds it; so does `fn build`, which takes a Dockerfile, where there is one, in place of its own.
#
# The base is Docker's official Python on Debian 12: its tag names a patch version, where fnproject/python:3.11 moves; Python 3.11, glibc
# and OpenSSL 3.0 are what the tests run with; and pip's ready-made wheels fit it, so that nothing is compiled. A tag can still be built
# anew: to pin the very bytes, ask for the digest and build with it:
#   docker buildx imagetools inspect python:3.11.14-slim-bookworm
#   make image BASE=python:3.11.14-slim-bookworm@sha256:…
ARG BASE=python:3.11.14-slim-bookworm

FROM ${BASE} AS build
# --no-deps: what requirements.txt pins and nothing else; --only-binary: no package's own code runs while it is installed.
COPY requirements.txt scripts/prune-sdk /build/
RUN pip install --no-cache-dir --disable-pip-version-check --no-compile --no-deps --only-binary :all: \
        --target /python --requirement /build/requirements.txt \
    && python /build/prune-sdk /python
COPY func.py /function/
COPY epimetheus /function/epimetheus/
# The function can not write bytecode where it runs: without it each cold start would compile some 700 modules.
RUN python -m compileall -q --invalidation-mode unchecked-hash /python /function

FROM ${BASE}
# 1000 is whom OCI Functions runs a container as, whatever stands here.
RUN groupadd --gid 1000 fn \
    && useradd --uid 1000 --gid fn --no-create-home --shell /usr/sbin/nologin fn \
    && python -m pip uninstall --yes --quiet --root-user-action ignore setuptools wheel pip
COPY --from=build /python /python
COPY --from=build /function /function
# Two arenas for all threads: glibc would give each thread that waits for OCI some of its own, and never take their memory back.
# What has half a megabyte or more (pages) is the system's again once it is free: glibc would put it among the small ones after the first.
ENV PYTHONPATH=/function:/python PYTHONDONTWRITEBYTECODE=1 MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=524288
WORKDIR /function
USER 1000:1000
ENTRYPOINT ["/python/bin/fdk", "/function/func.py", "handler"]
