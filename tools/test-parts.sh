#!/bin/sh
# The real parts the tests use: Redis, PostgreSQL, nginx, Chromium and rsyslog. Installs them where it may, else says what is missing.
missing=""
command -v redis-server >/dev/null || missing="$missing redis-server"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || missing="$missing postgresql"
command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing="$missing chromium"
command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || missing="$missing nginx-light"
command -v rsyslogd >/dev/null || [ -x /usr/sbin/rsyslogd ] || missing="$missing rsyslog"
ls /usr/lib/*/rsyslog/lmnsd_ossl.so >/dev/null 2>&1 || missing="$missing rsyslog-openssl"
[ -z "$missing" ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing for the tests:$missing"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing >/dev/null && exit 0
fi
echo "The tests need:$missing. On Debian: sudo apt-get install$missing" >&2
[ -n "$CI" ] && exit 1
echo "Tests that need them will be skipped, each with its reason." >&2
exit 0
