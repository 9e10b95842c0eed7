# One image for every part of Tower: `tower up` by default, or one part with `tower serve`, `tower worker`, …
FROM python:3.11-slim AS build
WORKDIR /opt/tower
RUN python -m venv .venv
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY flows flows
COPY tasks tasks
COPY tower tower
COPY tower_animatic tower_animatic
COPY db db
COPY api api
COPY deployments deployments
COPY prefect.yaml ./
RUN .venv/bin/pip install --no-cache-dir --disable-pip-version-check --constraint constraints.txt --editable . \
    && .venv/bin/python -m compileall -q flows tasks tower tower_animatic db api deployments

FROM python:3.11-slim
RUN useradd --uid 10001 --create-home tower && install --directory --owner=tower --group=tower /data
COPY --from=build /opt/tower /opt/tower
ENV PATH=/opt/tower/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    TOWER_DATA_DIR=/data \
    TOWER_HOST=0.0.0.0
USER tower
WORKDIR /data
VOLUME /data
EXPOSE 8328 8323 8315 4200
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s --retries=3 CMD ["tower", "health"]
ENTRYPOINT ["tower"]
CMD ["up"]
