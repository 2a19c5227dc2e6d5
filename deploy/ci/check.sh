#!/bin/sh
# Everything that can be judged without running the portal: style, types, layers, settings, migrations.
# Runs all of it, even after a failure, and then fails.
set -u
cd "$(dirname "$0")/../.."
PATH=$PWD/.venv/bin:$PATH

# Settings as of a public installation; nothing here is connected to.
export DATA_DIR="$PWD/.cache/check"
export SECRET_KEY="only-for-make-check-8d0c1f0e6f5b4d1c9a7e3b2f6a5d4c3b"
export ENCRYPTION_KEY="b25seS1mb3ItbWFrZS1jaGVjay0zMi1ieXRlcyEhISE="
export DATABASE_URL="postgresql://portal:portal@/portal?host=/nonexistent"
export REDIS_URL="unix:///nonexistent/redis.sock?db=0"
export EXTERNAL_URL="https://portal.example.com"

failed=""
step() {
    echo "== $*"
    "$@" || failed="$failed\n   $*"
}

step ruff check .
step ruff format --check .
step djlint --quiet --check --lint templates
step mypy .
step lint-imports
# Without a database it cannot compare with the applied migrations, and warns of it.
step python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
step python manage.py check --deploy --fail-level WARNING

[ -z "$failed" ] && exit 0
printf "failed:$failed\n" >&2
exit 1
