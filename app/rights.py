"""Who may do what: the one table from roles to rights. Pure; it knows no user and no request.

An account has at most one role for the whole service, and may be granted another one in single repositories. In a
repository it has the rights of both.
"""

from dataclasses import dataclass
from enum import StrEnum


class Right(StrEnum):
    """Something that not everybody may do."""

    ACCOUNT = "account"  # look after one's own password and tokens
    READ = "read"  # see what is private, and how a repository is set up
    DISPATCH = "dispatch"  # ask for work: dispatch, compare, search for a commit, measure more
    CONTROL = "control"  # cancel and retry
    APPROVE = "approve"  # let a stranger's commit on the boards; take a regression knowingly
    TRIAGE = "triage"  # judge, mute and annotate what histories show
    CONFIGURE = "configure"  # a repository's rules, caps and isolation; import results; delete pipelines and jobs
    LAB = "lab"  # builders and boards, their tokens, checks and health
    ADMINISTER = "administer"  # users, grants, repositories, deliveries, subscriptions, secrets, the audit


class Role(StrEnum):
    """What somebody is, of the whole service or of one repository."""

    ADMIN = "admin"
    MAINTAINER = "maintainer"
    COMMITTER = "committer"
    REVIEWER = "reviewer"
    OBSERVER = "observer"


IN_A_REPOSITORY = frozenset(  # asked of one repository; the others are of the whole service
    {Right.READ, Right.DISPATCH, Right.CONTROL, Right.APPROVE, Right.TRIAGE, Right.CONFIGURE}
)
EVERYBODYS = frozenset({Right.ACCOUNT})  # of whoever has an account, also one without a role

RIGHTS: dict[Role, frozenset[Right]] = {
    Role.ADMIN: frozenset(Right),
    Role.MAINTAINER: EVERYBODYS | IN_A_REPOSITORY | {Right.LAB},
    Role.COMMITTER: EVERYBODYS | {Right.READ, Right.DISPATCH, Right.CONTROL, Right.TRIAGE},
    Role.REVIEWER: EVERYBODYS | {Right.READ, Right.CONTROL, Right.APPROVE, Right.TRIAGE},
    Role.OBSERVER: EVERYBODYS | {Right.READ},
}


GRANTED = tuple(role for role in Role if role is not Role.ADMIN)  # that a single repository may have


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What a token is narrowed to, whatever its owner may do."""

    rights: frozenset[Right] | None = None  # None: all
    repository_id: int | None = None  # None: all, and the whole service

    def covers(self, right: Right, repository_id: int | None) -> bool:
        """Say whether the right may be used through it: everywhere, or in the repository that is named."""
        is_here = self.repository_id is None or self.repository_id == repository_id
        return is_here and (self.rights is None or right in self.rights)

    def within(self, other: "Scope") -> bool:
        """Say whether it allows nothing that the other does not."""
        is_narrower = other.rights is None or (self.rights is not None and self.rights <= other.rights)
        return is_narrower and other.repository_id in (None, self.repository_id)


WHOLE = Scope()


def rights_of(role: Role | None) -> frozenset[Right]:
    """List what a role of the whole service allows; None is an account without one."""
    return EVERYBODYS if role is None else RIGHTS[role]


def granted(role: Role | None) -> frozenset[Right]:
    """List what a role in one repository allows there: never anything of the whole service."""
    return frozenset() if role is None else RIGHTS[role] & IN_A_REPOSITORY


def roles_with(right: Right) -> list[Role]:
    """List the roles that hold a right."""
    return [role for role in Role if right in RIGHTS[role]]
