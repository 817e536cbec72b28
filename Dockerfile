# The daemon and its command line in a small image:
#   docker build -t eldr/eldrd .
#   docker run --rm -p 127.0.0.1:9002:9002 -p 127.0.0.1:9090:9090 eldr/eldrd

FROM debian:bookworm-slim AS build
WORKDIR /src
# The packages first: they change less often than the sources.
COPY dev ./
RUN ./dev deps build
COPY . .
RUN cmake -S . -B /build -G Ninja -DCMAKE_BUILD_TYPE=Release \
      -DELDR_BUILD_TESTS=OFF -DELDR_BUILD_BENCH=OFF \
 && cmake --build /build --target eldrd eldrctl \
 && strip -o /usr/local/bin/eldrd /build/server/eldrd \
 && strip -o /usr/local/bin/eldrctl /build/client/ctl/eldrctl

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      libabsl20220623 libcpp-httplib0.11 libfmt9 libgrpc++1.51 libhwy1 libmimalloc2.0 \
      libprometheus-cpp-core1.0 libprotobuf32 libsqlite3-0 libyaml-cpp0.7 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/* \
 # For state_dir: a volume that is mounted here takes over the owner.
 && install -d -o 65532 -g 65532 /var/lib/eldr
COPY --from=build /usr/local/bin/eldrd /usr/local/bin/eldrctl /usr/local/bin/
COPY deploy/compose/eldrd.yaml /etc/eldr/eldrd.yaml
# A library that is missing here must fail the build, not the first start.
RUN eldrd --config /etc/eldr/eldrd.yaml --check-config && eldrctl --help >/dev/null

# Numeric, so that Kubernetes can tell that it is not root.
USER 65532:65532
EXPOSE 9002 9090
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
  CMD ["eldrctl", "health"]
ENTRYPOINT ["eldrd", "--config", "/etc/eldr/eldrd.yaml"]
