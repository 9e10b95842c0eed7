#!/usr/bin/env bash
# Prefect 3.9.1: a SIGTERM that reaches a flow while Prefect creates the run of a task does not surface as Prefect's own
# TerminationSignal. The handler that should record the crash finds no task run yet and raises a ValueError, "Task run is
# not set", so the flow run ends as Failed. A SIGTERM a moment later, inside the task, ends it as Crashed. Automations and
# retries that tell the two apart take the end from outside for a fault of the flow.
#
# Seen on 2026-11-29, Python 3.11, Linux. Fails if it changes. Needs python3.11 or newer, a package index, two minutes.
set -euo pipefail
folder=$(mktemp -d)
server=
cleanup() { [ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$folder"; }
trap cleanup EXIT
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "prefect==3.9.1" "fastapi<0.151"
export PREFECT_HOME=$folder/home PREFECT_SERVER_ANALYTICS_ENABLED=false DO_NOT_TRACK=1 PREFECT_LOGGING_LEVEL=CRITICAL

# The list stands for any input of a task: Prefect looks through it for results of other tasks while it creates the run.
cat >"$folder/flows.py" <<'PYTHON'
import asyncio
import os
import signal
import sys

from prefect import flow, task


class Frames(list):
    def __iter__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        return super().__iter__()


@task
async def render(frames, wait):
    if wait:
        os.kill(os.getpid(), signal.SIGTERM)


@flow
async def film(moment):
    try:
        if moment == "creation":
            await render(Frames([1]), wait=False)
        else:
            await render([1], wait=True)
    except BaseException as error:
        print(moment, type(error).__name__, error, flush=True)
        raise


try:
    asyncio.run(film(sys.argv[1], return_state=False))
except BaseException:
    pass
PYTHON
"$folder/venv/bin/python" -m prefect server start --host 127.0.0.1 --port "$port" >"$folder/server.log" 2>&1 &
server=$!
export PREFECT_API_URL=http://127.0.0.1:$port/api
for _ in $(seq 120); do curl -sf "$PREFECT_API_URL/health" >/dev/null && break; sleep 1; done
for moment in creation work; do "$folder/venv/bin/python" "$folder/flows.py" $moment >>"$folder/seen" 2>/dev/null || true; done
states=$(curl -sf -X POST -H 'Content-Type: application/json' -d '{"sort": "START_TIME_ASC"}' "$PREFECT_API_URL/flow_runs/filter" |
    python3 -c 'import json, sys; print(*[run["state"]["type"] for run in json.load(sys.stdin)])')
cat "$folder/seen"
echo "states: $states"
grep -q "^creation ValueError Task run is not set" "$folder/seen"
grep -q "^work TerminationSignal" "$folder/seen"
[ "$states" = "FAILED CRASHED" ]
