# One image for every mode: docker run longshore serve | api | worker | migrate | keys …
FROM rust:1.95.0-bookworm AS build
# The image has this toolchain; without a word, rustup would fetch what rust-toolchain.toml adds for developers.
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /src
COPY . .
# The caches outlive the build; the binary is copied out of them.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package longshore \
    && cp target/release/longshore /usr/local/bin/longshore

FROM debian:bookworm-slim
# The certificates are for PostgreSQL, Redis and S3 over TLS; nothing else is needed.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --home-dir /data --create-home longshore
COPY --from=build /usr/local/bin/longshore /usr/local/bin/longshore
USER longshore
WORKDIR /data
VOLUME /data
ENV LONGSHORE_DATA_DIR=/data LONGSHORE_LISTEN=0.0.0.0:8080
EXPOSE 8080
# Long enough for running imports to be handed back; the process itself needs at most five seconds.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["longshore", "healthcheck"]
ENTRYPOINT ["longshore"]
CMD ["serve"]
