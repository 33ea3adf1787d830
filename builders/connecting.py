"""What `rigline-builder connect` puts together."""

from __future__ import annotations

import asyncio

from builders import credentials, job_process
from builders.agent import Agent
from builders.config import Config, Use
from builders.credentials import Credentials, CredentialsError
from builders.renewal import keep_renewed
from builders.service import LeaseLost, Refused, Service, Unavailable
from builders.state import State, StateError, default_root
from builders.watchdog import Watchdog
from builders.zygote import Zygote

BAD, UNREACHABLE = 1, 3


class NoSandbox(Exception):
    """The configuration insists on a sandbox, and this machine has none."""


def connect(config: Config, server: str) -> tuple[str, int]:
    """Work until told to end; return what went wrong, if anything, and the exit status."""
    try:
        who, watchdog = credentials.read(), Watchdog()
    except CredentialsError as problem:
        return str(problem), BAD
    job_process.warm()
    zygote = Zygote.start(job_process.perform)  # before files are open that the jobs' processes must not hold
    try:
        return _connect(config, server, who, zygote, watchdog)
    finally:
        zygote.close()


def _connect(config: Config, server: str, who: Credentials, zygote: Zygote, watchdog: Watchdog) -> tuple[str, int]:
    try:
        state = State(config.state_dir or default_root(who.name))
    except StateError as problem:
        return str(problem), BAD
    work = config.work_dir or state.root / "work"
    service = Service(server, who.token)
    try:
        agent = Agent(config, service, state, work, who.token, zygote=zygote, tell=watchdog.tell)
        asyncio.run(_work(agent, who, watchdog))
    except Unavailable as problem:
        return f"{server} cannot be reached: {problem}; check the address and the network", UNREACHABLE
    except (NoSandbox, Refused, LeaseLost, ValueError) as problem:
        return _explain(problem, who, server), BAD
    finally:
        state.close()
    return "", 0


async def _work(agent: Agent, who: Credentials, watchdog: Watchdog) -> None:
    renewing = None if who.file is None else asyncio.create_task(keep_renewed(agent.service, who.file, agent.adopt))
    beating = asyncio.create_task(watchdog.beat())
    try:
        isolation = agent.lab.sandbox.isolation
        if agent.config.sandbox.use is Use.ALWAYS and isolation.bwrap is None:
            raise NoSandbox(f"no sandbox: {isolation.problem}; {isolation.remedy}")
        await agent.run()
    finally:
        for task in (renewing, beating):
            if task is not None:
                task.cancel()
        await agent.service.close()


def _explain(problem: Exception, who: Credentials, server: str) -> str:
    match problem:
        case NoSandbox():
            return str(problem)
        case LeaseLost():
            return f"{server} has no place for builders: {problem}; check the address"
        case Refused(code="builder_in_use"):
            return f"another agent is connected as {who.name}: {problem}; stop it, or create a second builder"
        case Refused(code="unauthorized" | "unknown_token" | "token_revoked"):
            return f"{server} refuses the token of {who.name}: {problem}; get a new one by rotate-token"
        case Refused():
            return f"{server} refuses this builder: {problem}"
        case _:
            return f"{server} does not answer as a Rigline service: {problem}"
