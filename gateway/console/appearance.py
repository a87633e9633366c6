"""What commands use of the mails' appearance: whether it can be used, and letterheads to look at."""

from __future__ import annotations

import os
from collections.abc import Mapping

from gateway.config import Settings
from gateway.errors import ConfigError, ConfigProblem
from gateway.mail.letters import Letterhead
from gateway.outbound.appearance import MailTemplates, load_look
from gateway.policy import build_letterheads


def letterheads(settings: Settings) -> Mapping[str, Letterhead]:
    """Return every queue's letterhead. Raises ConfigError for a template or a logo that cannot be used."""
    return build_letterheads(
        settings, MailTemplates(settings.templates), lambda look: load_look(look, settings.hostname)
    )


def problems(settings: Settings) -> tuple[ConfigProblem, ...]:
    """Return what is wrong with the operator's templates and logos, each with its place and its cure."""
    found: list[ConfigProblem] = []
    try:
        MailTemplates(settings.templates)
    except ConfigError as error:
        found += error.problems
    for queue in settings.queues.values():
        if queue.appearance.logo is None or not os.access(queue.appearance.logo, os.R_OK):
            continue  # one that cannot be read is a finding of the configuration itself
        try:
            load_look(queue.appearance, settings.hostname)
        except ConfigError as error:
            found += error.problems
    return tuple(dict.fromkeys(found))
