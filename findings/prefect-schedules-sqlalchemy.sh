#!/usr/bin/env bash
# Prefect 3.8.8 with SQLAlchemy 2.1.9, which its metadata allows: a deployment with a cron for every minute is accepted (201), the server
# stays healthy, and no scheduled run is ever made. Only the server's log says why: the scheduler's bulk insert raises
# InvalidRequestError ("Can't evaluate bulk DML statement"). Prefect 3.9.1 makes the runs with the same SQLAlchemy.
#
# Seen on 2026-11-29, Python 3.11, Linux: 0 runs after 75 s with 3.8.8; 62 (one hour of them) with 3.9.1.
# Fails if either changes. Needs python3.11 or newer, a package index, curl, about six minutes.
set -euo pipefail
folder=$(mktemp -d)
server=
cleanup() { [ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$folder"; }
trap cleanup EXIT
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
api=http://127.0.0.1:$port/api
json() { curl -sf --retry 10 --retry-all-errors --retry-delay 1 -X POST -H 'Content-Type: application/json' -d "$2" "$api$1"; }

# Writes to $folder/$1.runs how many scheduled runs Prefect $1 makes within 75 s for a cron of every minute.
count_runs() {
    python3 -m venv "$folder/$1"
    "$folder/$1/bin/pip" install --quiet "prefect==$1" "sqlalchemy==2.1.9" "fastapi<0.151" >&2
    PREFECT_HOME=$folder/home-$1 PREFECT_SERVER_ANALYTICS_ENABLED=false DO_NOT_TRACK=1 \
        "$folder/$1/bin/python" -m prefect server start --host 127.0.0.1 --port "$port" >"$folder/$1.log" 2>&1 &
    server=$!
    for _ in $(seq 120); do curl -sf "$api/health" >/dev/null && break; sleep 1; done
    flow=$(json /flows/ '{"name": "every-minute"}' | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')
    schedule='{"schedule": {"cron": "* * * * *"}, "active": true, "slug": "every-minute"}'
    json /deployments/ "{\"name\": \"every-minute\", \"flow_id\": \"$flow\", \"schedules\": [$schedule]}" >/dev/null
    sleep 75
    curl -sf "$api/health" >/dev/null || { echo "the server is not healthy" >&2; exit 1; }
    json /flow_runs/count '{}' >"$folder/$1.runs"
    kill "$server"; wait "$server" 2>/dev/null || true; server=
}

count_runs 3.8.8
old=$(cat "$folder/3.8.8.runs")
grep -q "bulk DML" "$folder/3.8.8.log" && said=yes || said=no
count_runs 3.9.1
new=$(cat "$folder/3.9.1.runs")
echo "SQLAlchemy 2.1.9: Prefect 3.8.8 made $old runs (its log names the bulk insert: $said), Prefect 3.9.1 made $new"
[ "$old" = 0 ] && [ "$said" = yes ] && [ "$new" -gt 0 ]
