"""Send news by mail, through the server of the settings. The standard library speaks SMTP, in a thread."""

import asyncio
import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from app.notify import wording
from app.notify.links import Unsubscribing
from app.notify.problems import Later, Refused
from app.settings import Settings

LIMIT_S = 20.0  # seconds for each word of the server
LOCAL = ("localhost", "127.0.0.1", "::1")
PORTS = {"smtp": 587, "smtps": 465}
NO_SUCH_MAILBOX = range(550, 555)  # and its kin: RFC 5321, 4.2.3


@dataclass(frozen=True, kw_only=True)
class Server:
    """A mail server to hand mail to."""

    host: str
    port: int
    is_wrapped: bool  # TLS from the first byte
    user: str
    password: str

    @classmethod
    def of(cls, url: str) -> "Server":
        """Read `smtp://user:password@host:587` (STARTTLS where the server has it) or `smtps://…:465`.

        Raises:
            ValueError: it is another kind of address.
        """
        wrong = ValueError("must be smtp://host or smtps://host, with user:password@ if the server wants that")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise wrong from None
        if parts.scheme not in PORTS or not parts.hostname:
            raise wrong
        return cls(
            host=parts.hostname,
            port=port or PORTS[parts.scheme],
            is_wrapped=parts.scheme == "smtps",
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )


@dataclass(frozen=True, kw_only=True)
class Letter:
    """One piece of news for one mailbox."""

    to: str
    said: Mapping[str, Any]
    delivery: str
    created_at: Any  # datetime
    unsubscribing: Unsubscribing


async def send(settings: Settings, letter: Letter, trust: ssl.SSLContext | None = None) -> None:
    """Hand one mail to the server.

    Raises:
        Later: no server is configured, it is away, or says to come back.
        Refused: it does not take mail for this mailbox.
    """
    server = configured(settings)
    message = written(letter, sender=settings.mail_from or f"rigline@{server.host}", public_url=settings.public_url)
    await asyncio.to_thread(_hand_over, server, message, trust or ssl.create_default_context())


def configured(settings: Settings) -> Server:
    """Read the mail server of the settings.

    Raises:
        Later: there is none, or what is there is no address; never repeats it, for it may hold a password.
    """
    if settings.smtp_url is None:
        raise Later("no mail server is configured: set RIGLINE_SMTP_URL for the service, and start it again")
    try:
        return Server.of(settings.smtp_url.get_secret_value())
    except ValueError as problem:
        raise Later(f"RIGLINE_SMTP_URL {problem}") from None


def written(letter: Letter, *, sender: str, public_url: str) -> EmailMessage:
    """Write a mail. Its id is the delivery's: a mailbox that gets it twice knows that it is the same."""
    subject, text = wording.mail(letter.said)
    host = urlsplit(public_url).hostname or "rigline"
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, sender, letter.to
    message["Date"] = format_datetime(letter.created_at)
    message["Message-ID"] = f"<{letter.delivery}@{host}>"
    if "alert" in letter.said:  # one thread for each alert
        message["References"] = f"<alert-{letter.said['alert']['id']}@{host}>"
    if "board" in letter.said:
        message["References"] = f"<board-{letter.said['board']['id']}@{host}>"
    if "builder" in letter.said:
        message["References"] = f"<builder-{letter.said['builder']['id']}@{host}>"
    message["Auto-Submitted"] = "auto-generated"
    message["List-Unsubscribe"] = f"<{letter.unsubscribing.address}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(f"{text}\n-- \nTo hear no more of this: {letter.unsubscribing.address}\n")
    return message


def _hand_over(server: Server, message: EmailMessage, trust: ssl.SSLContext) -> None:
    try:
        with _connected(server, trust) as smtp:
            smtp.send_message(message)
    except smtplib.SMTPRecipientsRefused as problem:
        code, said = next(iter(problem.recipients.values()))
        raise _judged(code, said, of_mailbox=True) from None
    except smtplib.SMTPResponseException as problem:
        raise _judged(problem.smtp_code, problem.smtp_error, of_mailbox=False) from None
    except (smtplib.SMTPException, OSError) as problem:
        raise Later(f"the mail server cannot be used: {type(problem).__name__}") from None


def _connected(server: Server, trust: ssl.SSLContext) -> smtplib.SMTP:
    if server.is_wrapped:
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=LIMIT_S, context=trust)
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=LIMIT_S)
        smtp.ehlo_or_helo_if_needed()
        if smtp.has_extn("starttls"):
            smtp.starttls(context=trust)
        elif server.user and server.host not in LOCAL:
            smtp.close()
            raise smtplib.SMTPNotSupportedError("it has no STARTTLS, and a password is not sent in the clear")
    if server.user:
        smtp.login(server.user, server.password)
    return smtp


def _judged(code: int, said: bytes | str, *, of_mailbox: bool) -> Exception:
    """A server that does not like us is ours to mend; one that does not know the mailbox is the subscriber's."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    told = f"the mail server answers {code}: {text}"[:400]
    return Refused(told) if of_mailbox and code in NO_SUCH_MAILBOX else Later(told)
