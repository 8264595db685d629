# syntax=docker/dockerfile:1
# Three stages: web assets, Python packages, and the image that runs, which has neither compilers nor npm.

FROM node:20-bookworm-slim AS assets
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY web ./web
RUN npm run assets

FROM python:3.11-slim-bookworm AS packages
WORKDIR /build
RUN python -m venv /opt/duijie
ENV PATH=/opt/duijie/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# The CPU build of torch has no CUDA libraries, which would add five gigabytes that nothing here uses.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
COPY requirements.lock setup.cfg pyproject.toml ./
RUN torch=$(grep '^torch==' requirements.lock) \
 && pip install --index-url "$TORCH_INDEX" "$torch" \
 && grep -vE '^(torch|triton|nvidia-|cuda-)' requirements.lock > runtime.lock \
 && pip install -r runtime.lock
COPY . .
COPY --from=assets /build/web/static/vendor ./web/static/vendor
RUN pybabel compile --directory web/translations \
 && python -m matching.embeddings.onnx_export matching/embeddings/models/duijie-encoder \
      matching/embeddings/models/duijie-encoder/model_int8.onnx \
 && pip install --no-deps --no-build-isolation .

FROM python:3.11-slim-bookworm AS runtime
RUN apt-get update \
 && apt-get install -y --no-install-recommends libgomp1 fonts-noto-cjk \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin duijie \
 && install -d -o duijie -g duijie /data
COPY --from=packages /opt/duijie /opt/duijie
# Threads that share two heaps instead of having one each give memory back.
ENV PATH=/opt/duijie/bin:$PATH PYTHONUNBUFFERED=1 DUIJIE_DATA_DIR=/data TZ=UTC MALLOC_ARENA_MAX=2
USER duijie
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["gunicorn", "--config", "python:web.server", "web.wsgi:make_app()", "--bind", "0.0.0.0:8000"]
