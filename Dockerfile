# The daemon and its command line in a small image:
#   docker build -t eldr/eldrd --build-arg ELDR_COMMIT=$(git rev-parse --short=12 HEAD) .
#   docker run --rm -p 127.0.0.1:9002:9002 -p 127.0.0.1:9090:9090 eldr/eldrd
# and one with a shell, the simulator, the profile fitter and the load generator:
#   docker build -t eldr/tools --target tools .
#
# What is built elsewhere can take the place of a stage: --build-context packages=FOLDER with the Debian
# package, --build-context tool-programs=FOLDER.

FROM debian:bookworm-slim AS build
WORKDIR /src
# The packages first: they change less often than the sources.
COPY dev ./
RUN ./dev deps build && apt-get install -y --no-install-recommends dpkg-dev
COPY . .
ARG ELDR_COMMIT=""
RUN cmake -S . -B /build -G Ninja -DCMAKE_BUILD_TYPE=Release -DELDR_COMMIT=$ELDR_COMMIT \
      -DELDR_BUILD_TESTS=OFF -DELDR_BUILD_TOOLS=OFF \
 && cmake --build /build \
 && deploy/debian/build.sh /build /packages

FROM scratch AS packages
COPY --from=build /packages/*.deb /

FROM build AS build-tools
RUN cmake -B /build -DELDR_BUILD_TOOLS=ON -DELDR_BUILD_BENCH=OFF \
 && cmake --build /build --target eldr-sim eldr-fit eldr-loadgen eldr-demo \
 && cmake --install /build --component tools --prefix /programs --strip

FROM scratch AS tool-programs
COPY --from=build-tools /programs/ /

FROM debian:bookworm-slim AS tools
COPY --from=packages / /packages/
RUN apt-get update \
 && apt-get install -y --no-install-recommends /packages/eldrd_*.deb ca-certificates curl jq sqlite3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/* /packages
COPY --from=tool-programs / /usr/local/
RUN for program in eldr-sim eldr-fit eldr-loadgen eldr-demo; do $program --help >/dev/null || exit 1; done
USER 65532:65532
CMD ["bash"]

FROM debian:bookworm-slim AS root
COPY deploy/image/ /image/
COPY deploy/compose/eldrd.yaml /image/
COPY --from=packages / /packages/
RUN apt-get update && /image/make_root.sh /packages/eldrd_*.deb /image/eldrd.yaml /rootfs

FROM scratch
COPY --from=root /rootfs/ /
ARG ELDR_VERSION=0.1.0
ARG ELDR_COMMIT=""
LABEL org.opencontainers.image.title="eldrd" \
      org.opencontainers.image.description="Places the decode phase of mixture-of-experts requests by expert residency" \
      org.opencontainers.image.version="$ELDR_VERSION" \
      org.opencontainers.image.revision="$ELDR_COMMIT" \
      org.opencontainers.image.licenses="Apache-2.0"
# Numeric, so that Kubernetes can tell that it is not root.
USER 65532:65532
EXPOSE 9002 9090
VOLUME ["/var/lib/eldr"]
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
  CMD ["eldrctl", "health"]
ENTRYPOINT ["eldrd", "--config", "/etc/eldr/eldrd.yaml"]
