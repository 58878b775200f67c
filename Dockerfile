# myvgg from its wheel, with a CPU's TensorFlow: docker build -t myvgg .
FROM python:3.12-slim AS build
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.12-slim
ARG EXTRAS=app,extract
# hadolint ignore=DL3013
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    wheel=$(echo /wheels/*.whl) \
    && pip install --no-cache-dir "${wheel}${EXTRAS:+[${EXTRAS}]}" \
    && useradd --no-create-home --uid 1000 myvgg \
    && mkdir --mode=1777 /pictures

# All that is written outside of /pictures goes to /tmp, so that any user can run it, with a root that is read-only.
ENV HOME=/tmp \
    MPLCONFIGDIR=/tmp/matplotlib \
    MYVGG_CACHE=/tmp/myvgg \
    MYVGG_OFFLINE=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 1000
WORKDIR /pictures
VOLUME /pictures
EXPOSE 7860
ENTRYPOINT ["myvgg"]
CMD ["--help"]
