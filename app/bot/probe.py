"""Connection tests: one short look at the provider, on behalf of an operator who waits for the answer."""

import asyncio
from collections.abc import Mapping

import aiohttp

from app.bot.accounts import Account
from app.bot.channels.contract import Channel, Checked

PATIENCE = 10.0


def check(channels: Mapping[str, Channel], account: Account | None) -> Checked:
    """Try a connection without sending anything."""
    if account is None:
        return Checked(ok=False, message="The secrets of this connection cannot be opened. Enter them again.")
    return asyncio.run(_check(channels[account.channel], account))


async def _check(channel: Channel, account: Account) -> Checked:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE)) as http:
        return await channel.check(http, account.config, account.account)
