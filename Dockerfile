# Image of the terminal service. Untrusted users get shells in it, so it has no credentials, no compiler and no set-uid program.
#
#   make image                                   for App Runner and ECS (linux/amd64)
#   make image TOOLS="nmap python3 vim"          with other programs for the shells
#   make image BASE=debian:bookworm-slim         on another Debian; RUST=… names the build image, on a Debian no newer than BASE

ARG BASE=debian:trixie-slim
ARG RUST=rust:1.95-slim-trixie

FROM ${RUST} AS build
WORKDIR /src
COPY . .
# The caches keep crates and their builds from one build to the next. They are not part of the layer, so the program is copied out.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --release --locked --package backend --bin termgate && cp target/release/termgate /termgate

FROM ${BASE}

# Programs for the shells, in addition to a minimal Debian. The service needs none of them.
ARG TOOLS="ca-certificates curl less nano procps vim-tiny"
# tini is process 1: it forwards signals to the service, and reaps orphaned processes of sessions.
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends bash tini ${TOOLS} \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log \
    # no_new_privs already makes set-uid programs useless to a session; removing the bits is a second defence.
    && find / -xdev -type f -perm /6000 -exec chmod a-s {} +

COPY --from=build /termgate /usr/local/bin/termgate

# Production refuses to start without secrets. Both templates send requests to PORT.
ENV NODE_ENV=production LOG_FORMAT=json PORT=3001 LANG=C.UTF-8
EXPOSE 3001

# The service runs as root, because only root can give each session its own user. The entry point sets REQUIRE_ISOLATION, so that no
# configuration can start the service without isolation.
ENTRYPOINT ["/usr/bin/tini", "--", "/usr/bin/env", "REQUIRE_ISOLATION=true", "/usr/local/bin/termgate"]

# A draining service answers 503, which must not end it early: platforms that use this check wait for their stop timeout.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=5 CMD ["/bin/bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/$PORT && printf 'GET /health HTTP/1.0\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [[ $status == 200 ]]"]

ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Termgate terminal service" \
      org.opencontainers.image.description="Shells in the browser, for hosts that cut WebSockets" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
