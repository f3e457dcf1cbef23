#!/bin/sh
# Web and worker as separate processes; when one ends, the other is stopped.
if [ -z "$REDIS_URL" ]; then
    echo "make run-split needs REDIS_URL, e.g. REDIS_URL=redis://127.0.0.1:6379/0; without Redis use: make run" >&2
    exit 1
fi
.venv/bin/python huey_tasks.py &
worker=$!
.venv/bin/python wsgi.py &
web=$!
trap 'kill -TERM $worker $web 2>/dev/null' INT TERM
while kill -0 $worker 2>/dev/null && kill -0 $web 2>/dev/null; do sleep 0.5; done
kill -TERM $worker $web 2>/dev/null
wait
