#!/bin/sh
# Everything that can be judged without running the portal: style, types, layers, migrations, settings.
# Runs all of it, even after a failure, and then fails.
set -u
cd "$(dirname "$0")/../.."
PATH=$PWD/.venv/bin:$PATH

# Settings as of a public installation.
export DATA_DIR="$PWD/.cache/check"
export SECRET_KEY="only-for-make-check-8d0c1f0e6f5b4d1c9a7e3b2f6a5d4c3b"
export ENCRYPTION_KEY="b25seS1mb3ItbWFrZS1jaGVjay0zMi1ieXRlcyEhISE="
export EXTERNAL_URL="https://portal.example.com"
unset DATABASE_URL REDIS_URL

failed=""
step() {
    echo "== $*"
    "$@" || failed="$failed\n   $*"
}

step ruff check .
step ruff format --check .
step djlint --quiet --check --lint templates
step env DATABASE_URL=postgresql:///none REDIS_URL=unix:///none mypy .
step lint-imports
# The admin's checks ask for the permissions that its actions need, so the tables are made first.
step python -m observability.embedded with-servers sh -euc "
    python manage.py migrate --skip-checks --verbosity 0
    python manage.py makemigrations --check --dry-run
    python manage.py check --deploy --fail-level WARNING"

[ -z "$failed" ] && exit 0
printf "failed:$failed\n" >&2
exit 1
