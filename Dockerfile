# The image for OCI Functions. `make image` builds it, and so does `fn build`, which prefers a Dockerfile to its own build.
#
# The base is Docker's official Python image on Debian 12, because its tag names a patch version, unlike fnproject/python:3.11. It has
# the Python 3.11, glibc and OpenSSL 3.0 of the tests, and binary wheels fit it, so that nothing is compiled. A tag can be rebuilt: to pin
# the exact image, look up its digest and build with it:
#   docker buildx imagetools inspect python:3.11.14-slim-bookworm
#   make image BASE=python:3.11.14-slim-bookworm@sha256:…
ARG BASE=python:3.11.14-slim-bookworm

FROM ${BASE} AS build
# --no-deps: installs only what is pinned. --require-hashes: rejects a file that was replaced. --only-binary: runs no code of packages during
# installation.
COPY requirements.hashes.txt scripts/prune-sdk scripts/compile-packages /build/
RUN pip install --no-cache-dir --disable-pip-version-check --no-compile --no-deps --only-binary :all: \
        --require-hashes --target /python --requirement /build/requirements.hashes.txt \
    && python /build/prune-sdk /python
COPY func.py /function/
COPY epimetheus /function/epimetheus/
# The function cannot write bytecode at run time: without this, each cold start would compile some 700 modules.
RUN python /build/compile-packages /python /function

FROM ${BASE}
# OCI Functions always runs containers as user 1000. The base image has no bytecode of the standard library: a cold start would compile some
# 200 of its modules as well.
RUN groupadd --gid 1000 fn \
    && useradd --uid 1000 --gid fn --no-create-home --shell /usr/sbin/nologin fn \
    && python -m pip uninstall --yes --quiet --root-user-action ignore setuptools wheel pip \
    && python -m compileall -q --invalidation-mode unchecked-hash -x '/(test|tests|idlelib|lib2to3|tkinter|turtledemo|ensurepip|pydoc_data)/' \
        "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
COPY --from=build /python /python
COPY --from=build /function /function
# MALLOC_ARENA_MAX: two arenas for all threads. By default, glibc gives threads their own arenas and does not return their memory.
# MALLOC_MMAP_THRESHOLD_: returns blocks of 512 KiB and more (pages) when they are freed. By default, glibc raises the threshold.
ENV PYTHONPATH=/function:/python PYTHONDONTWRITEBYTECODE=1 MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=524288
WORKDIR /function
USER 1000:1000
ENTRYPOINT ["/python/bin/fdk", "/function/func.py", "handler"]
