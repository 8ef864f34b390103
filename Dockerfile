# Two stages: the first builds, the second holds Python, the service and nothing to build with. The stand-ins of
# the demo stay out. Traces, the offline model of the search, MCP and offline hearing are extras, one for each
# image: docker build --build-arg EXTRA=otel . (or EXTRA=embeddings, EXTRA=mcp, EXTRA=speech)
# The base is pinned by digest: `docker buildx imagetools inspect python:3.11-slim` prints the present one.
FROM python:3.11-slim@sha256:9c900dea9e8fb7e16277c179b555cc72d29a352dbc33cff48ad5a0412fd5bfc7 AS build
WORKDIR /src
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/moonthread
ARG EXTRA=
COPY requirements.txt requirements-otel.txt requirements-embeddings.txt requirements-mcp.txt requirements-speech.txt requirements-build.txt ./
RUN python -m pip install --require-hashes -r requirements-build.txt \
 && /opt/moonthread/bin/pip install --require-hashes -r requirements${EXTRA:+-$EXTRA}.txt
COPY pyproject.toml README.md LICENSE ./
COPY core core
COPY bots bots
COPY migrations migrations
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheel . \
 && /opt/moonthread/bin/pip install --no-deps /wheel/*.whl \
 && /opt/moonthread/bin/pip uninstall --yes pip

FROM python:3.11-slim@sha256:9c900dea9e8fb7e16277c179b555cc72d29a352dbc33cff48ad5a0412fd5bfc7
RUN python -m pip uninstall --yes --quiet --root-user-action ignore pip setuptools wheel \
 && groupadd --gid 10001 moonthread \
 && useradd --uid 10001 --gid moonthread --no-create-home --shell /usr/sbin/nologin moonthread \
 && install --directory --owner moonthread --group moonthread --mode 700 /data
COPY --from=build /opt/moonthread /opt/moonthread
ENV PATH=/opt/moonthread/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MOONTHREAD_DATA_DIR=/data \
    MOONTHREAD_HTTP_HOST=0.0.0.0
WORKDIR /data
USER moonthread
VOLUME /data
EXPOSE 8080
EXPOSE 8081
ENTRYPOINT ["moonthread"]
CMD ["run"]
