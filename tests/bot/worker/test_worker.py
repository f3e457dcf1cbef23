"""Schedules, memory and replies stay exactly once while the worker is killed at any moment."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from app.analytics.rebuild import RollupRebuild
from app.bot.models import Message, Schedule
from app.settings import ROOT
from tests.bot.simulated_bot import SimulatedBot, build_script_command, wait_until

WORKER = """
import time
from app import create_app
from app.settings import Settings
app = create_app(Settings())
app.extensions["services"].build_worker().start()
print("ready", flush=True)
time.sleep(600)
"""
STEPS = 12
CHATS = 4
KILLS = 3
STEP = f"""
n = ctx.memory.incr("n")
ctx.reply("step " + str(n))
if n < {STEPS}:
    ctx.schedule("step", after=0.15)
"""


class KillableWorker:
    """A worker in a process of its own, to be killed."""

    def __init__(self, app: Flask) -> None:
        settings = app.extensions["services"].settings
        self._env = {
            **os.environ,
            "BRAINBOX_DATA": str(settings.brainbox_data),
            "DATABASE_URL": settings.database_url,
            "SECRET_KEY": settings.secret_key,
            "REDIS_URL": "",
            "WORKER_NAME": "doomed",
            "LOG_LEVEL": "error",
            "PYTHONPATH": str(ROOT),
        }
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [sys.executable, "-c", WORKER]
        self._process = subprocess.Popen(
            command, cwd=Path(ROOT), env=self._env, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout
        assert self._process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        if self._process and self._process.stdout:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process.stdout.close()


@pytest.mark.torture
def test_every_step_is_taken_once_and_in_order_under_kills(installation: Flask):
    bot = SimulatedBot(installation, [build_script_command("step", STEP)])
    chance = random.Random(7)
    worker = KillableWorker(installation)
    bot.say(*((who, "step") for who in range(CHATS)))
    for _ in range(KILLS):
        worker.start()
        time.sleep(0.1 + chance.random())
        worker.kill()
    worker.start()
    try:
        wait_until(lambda: all(len(bot.list_replies(who)) >= STEPS for who in range(CHATS)), 60)
    finally:
        worker.kill()
    for who in range(CHATS):
        assert bot.list_reply_texts(who) == [f"step {n}" for n in range(1, STEPS + 1)]
    assert bot.select_all(select(Schedule)) == []
    sent = bot.select_all(select(Message).where(Message.direction == "out"))
    assert len(sent) == CHATS * STEPS
    assert list(RollupRebuild(bot.database, bot.services.clock()).check()) == []
