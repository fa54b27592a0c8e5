# One image for all components: which of them runs is the command, see docker-compose.yml.
#   docker build --target runtime --tag spoiler-shield:local .
# test/integration/deploy runs the steps of this file without an engine.
# Versions are exact. Digests are not given: no registry of images could be asked where this was written.

FROM node:24.21.0-bookworm-slim AS base
WORKDIR /app

FROM base AS build
# hadolint ignore=DL3008 # Debian keeps only the newest build of a package, so an exact version breaks within weeks
RUN apt-get update \
  && apt-get install --yes --no-install-recommends g++ libssl-dev make python3 python3-pip zlib1g-dev \
  && rm -rf /var/lib/apt/lists/*
# Everything that node_modules depends on, and nothing else: an edit elsewhere compiles nothing.
COPY .npmrc package.json package-lock.json ./
COPY local-stack/toolchain local-stack/toolchain
COPY scripts scripts
COPY deploy/image deploy/image
# In production npm leaves out what only development needs.
ENV NODE_ENV=production
RUN node scripts/setup.mjs --only node,packages \
  && node deploy/image/trim-packages.mjs
COPY . .
# Readable for every user, whatever the umask of who checked it out.
RUN chmod -R u=rwX,go=rX .

FROM base AS runtime
# libssl3 and zlib1g: what the Kafka client is linked against. tini: a component that must end at once kills itself,
# which the kernel forbids to process 1.
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates libssl3 tini zlib1g \
  && rm -rf /var/lib/apt/lists/* \
  && install --directory --owner=node --group=node /var/lib/spoiler-shield
COPY --from=build /app .
# The state folder is the only one that is written to; the rest may be read-only. Reading from Kafka waits in the
# thread pool.
ENV NODE_ENV=production STATE_DIR=/var/lib/spoiler-shield HTTP_HOST=0.0.0.0 METRICS_PORT=9464 UV_THREADPOOL_SIZE=32
EXPOSE 9464
# The user node; by number, so that a host can see that it is not root.
USER 1000:1000
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --start-interval=2s --retries=3 \
  CMD ["node", "deploy/image/healthcheck.mjs"]
ENTRYPOINT ["tini", "--", "node"]
CMD ["cli/main.ts", "--help"]

# The same with the Python packages that fit models, where `shield train` looks for them.
FROM runtime AS trainer
USER 0:0
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install --yes --no-install-recommends libgomp1 python3 python3-pip \
  && rm -rf /var/lib/apt/lists/*
ENV SPOILER_SHIELD_CACHE=/opt/spoiler-shield
RUN node scripts/setup.mjs --only trainers
USER 1000:1000

# MLflow with the clients of PostgreSQL and S3. Nothing of ours runs in it.
FROM base AS mlflow
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install --yes --no-install-recommends python3 python3-venv \
  && rm -rf /var/lib/apt/lists/*
COPY deploy/mlflow.lock ./
RUN python3 -m venv /opt/mlflow \
  && /opt/mlflow/bin/pip install --no-cache-dir --only-binary=:all: --no-deps --require-hashes --requirement mlflow.lock
ENV PATH=/opt/mlflow/bin:$PATH
EXPOSE 5000
USER 1000:1000
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --start-interval=2s --retries=3 \
  CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:5000/health')"]
ENTRYPOINT ["mlflow", "server"]
CMD ["--help"]
