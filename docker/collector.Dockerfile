# The Collector of collector/manifest.yaml, from the same pinned modules as npm run collector:build.
FROM golang:1.26.8 AS build
WORKDIR /src
ENV CGO_ENABLED=0
RUN go install go.opentelemetry.io/collector/cmd/builder@v0.161.0
COPY collector/ ./
# exporterhelper.patch says why. Go checks the module against go.sum here as well: it is required by the build below.
RUN mkdir module && cp go.sum module/ && cd module && printf 'module m\n\ngo 1.26\n\nrequire go.opentelemetry.io/collector/exporter/exporterhelper v0.161.0\n' > go.mod \
  && cp -r "$(go mod download -json go.opentelemetry.io/collector/exporter/exporterhelper | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')" ../exporterhelper \
  && cd ../exporterhelper && chmod -R u+w . && git apply ../exporterhelper.patch
RUN builder --config manifest.yaml --skip-compilation --skip-get-modules \
  && cp go.mod go.sum build/ \
  && cd build \
  && go build -mod=readonly -trimpath -ldflags='-s -w' -o /otelcol-client-cost . \
  && /otelcol-client-cost --version

# alpine for its wget: the health check runs inside the container.
FROM alpine:3.22.1
RUN apk add --no-cache ca-certificates \
  && adduser -D -H -u 10001 otelcol \
  && mkdir -p /var/lib/otelcol/queue \
  && chown -R otelcol /var/lib/otelcol
COPY --from=build /otelcol-client-cost /usr/local/bin/otelcol-client-cost
USER 10001
VOLUME /var/lib/otelcol
EXPOSE 4317 4318
ENTRYPOINT ["otelcol-client-cost"]
CMD ["--config", "/etc/otelcol/config.yaml"]
