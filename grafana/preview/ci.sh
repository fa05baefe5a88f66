#!/usr/bin/env bash
# The previews' step of a CI run: a browser where there is none (Debian, root), the components, then the check.
set -euo pipefail
cd "$(dirname "$0")/../.."

has_browser() {
  [ -n "${CHROME_PATH:-}" ] || command -v chromium || command -v chromium-browser || command -v google-chrome
}

if ! has_browser >/dev/null; then
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo 'The previews need Chromium or Chrome: install one, or name it with CHROME_PATH.' >&2
    exit 1
  fi
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
fi

npm ci --prefix grafana/preview --no-audit --loglevel=error
# The check by itself, with each fault planted once; then on the dashboards.
npm test --prefix grafana/preview --silent
npm run grafana:previews -- --check
