#!/bin/sh
# Runs once, when the container makes a new cluster: the portal's role and database, with the rights
# that `make run` gives them. The superuser then has no password, so nobody comes in as it over the network.
set -eu

# POSTGRES_PASSWORD: the image has read it from its file. Without track_utility = off
# pg_stat_statements would keep the statement with the password in it.
psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\getenv password POSTGRES_PASSWORD
SET pg_stat_statements.track_utility = off;
CREATE ROLE portal LOGIN CREATEDB PASSWORD :'password';
GRANT pg_monitor, pg_signal_backend TO portal;
CREATE DATABASE portal OWNER portal;
ALTER ROLE CURRENT_USER PASSWORD NULL;
\connect portal
CREATE EXTENSION pg_stat_statements;
GRANT EXECUTE ON FUNCTION pg_stat_statements_reset TO portal;
SQL
