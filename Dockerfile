# Two stages: wheels are built in one, run in the other, as a user who owns nothing.
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE requirements.lock ./
COPY service ./service
COPY mappings ./mappings
COPY fixtures ./fixtures
RUN python -m venv /opt/concord \
 && /opt/concord/bin/pip install --no-cache-dir -c requirements.lock .

FROM python:3.12-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/concord concord
COPY --from=build /opt/concord /opt/concord
USER 10001
WORKDIR /var/lib/concord
ENV PATH=/opt/concord/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    CONCORD_WEB__HOST=0.0.0.0
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=3s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/livez', timeout=2)"]
ENTRYPOINT ["concord"]
CMD ["serve"]
