# The client-cost command, the SMS service and the example service: one image, three commands (see docker-compose.yml).
FROM node:24.21.0-slim AS build
WORKDIR /app
COPY . .
# With optional packages: the TypeScript compiler is one of them.
RUN npm ci --ignore-scripts && npx tsc -b

FROM node:24.21.0-slim
WORKDIR /app
ENV NODE_ENV=production
COPY package.json package-lock.json ./
COPY exporter/package.json exporter/
COPY instrumentation/package.json instrumentation/
COPY clickhouse/package.json clickhouse/
COPY grafana/package.json grafana/
COPY examples/package.json examples/
COPY bench/package.json bench/
# Without the embedded engine (543 MB): a ClickHouse server takes its place.
RUN npm ci --omit=dev --omit=optional --ignore-scripts && npm cache clean --force
COPY --from=build /app/exporter/dist exporter/dist
COPY --from=build /app/instrumentation/dist instrumentation/dist
COPY --from=build /app/clickhouse/dist clickhouse/dist
COPY clickhouse/bin clickhouse/bin
COPY --from=build /app/grafana/dist grafana/dist
COPY --from=build /app/examples/dist examples/dist
COPY clickhouse/migrations clickhouse/migrations
# What volumes are mounted over belongs to node from the start.
RUN cd /var/lib && mkdir -p client-cost/spool client-cost/sms client-cost/authority \
    client-cost/tls/clickhouse client-cost/tls/collector client-cost/tls/service \
  && chown -R node:node client-cost
USER node
VOLUME /var/lib/client-cost
EXPOSE 3000 8085
ENTRYPOINT ["node"]
