# Two stages: wheels are built in one, run in the other, as a user who owns nothing. Made to run with a
# read-only file system (--read-only --tmpfs /tmp) and without any capability (--cap-drop ALL).
FROM python:3.12.12-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE requirements.lock ./
COPY service ./service
COPY mappings ./mappings
COPY fixtures ./fixtures
RUN python -m venv /opt/concord \
 && /opt/concord/bin/pip install --no-cache-dir -c requirements.lock ".[pdf]" \
 && /opt/concord/bin/python -m compileall -q /opt/concord/lib

FROM python:3.12.12-slim-bookworm
# Pango draws the PDFs.
RUN apt-get update \
 && apt-get install -y --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --create-home --home-dir /var/lib/concord --shell /usr/sbin/nologin concord \
 && find / -xdev -perm /6000 -type f -exec chmod a-s {} +
COPY --from=build --chown=root:root /opt/concord /opt/concord
USER 10001:10001
WORKDIR /var/lib/concord
VOLUME /var/lib/concord
ENV PATH=/opt/concord/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    CONCORD_WEB__HOST=0.0.0.0
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=3s --start-period=20s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/readyz', timeout=2)"]
ENTRYPOINT ["concord"]
CMD ["serve"]
