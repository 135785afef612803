"""The `nightly` flow: the whole round, for operators who launch by night."""

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.intake_flow import intake
from flows.launch_flow import launch
from flows.logs import shielded
from flows.notifying.digest import mail_of, send_digest
from flows.notifying.prefect_artifacts import tell_problems
from flows.publishing.outbox import rebuild
from flows.services import Services, open_services
from flows.settings import load


@flow(name="nightly", description="Take the inbox, launch and end what is due, rebuild the indexes, send the digests.")
@shielded
def nightly() -> dict[str, int]:
    """Counts of all steps together. Raises at its end what kept drops from being taken."""
    taken = intake(return_state=True)  # an inbox out of reach keeps no program from its start
    counts = launch()
    with open_services(load()) as services:
        rebuild_pages(services)
        send_digests(services)
    return {**taken.result(), **counts}


@task(name="rebuild the index pages", cache_policy=NO_CACHE, retries=2, retry_delay_seconds=10)
@shielded
def rebuild_pages(services: Services) -> int:
    """Every index page: what they say of the last 30 days and of time left moves on by itself."""
    rebuilt = rebuild(services)
    tell_problems(rebuilt.problems)
    return rebuilt.written


@task(name="send the digests", cache_policy=NO_CACHE)
@shielded
def send_digests(services: Services) -> int:
    """To each business's contacts and to the operator; raises where one could not be reached, the others are told."""
    settings = services.settings
    sent = send_digest(
        services.ledger,
        services.clock(),
        operator=settings.operator_contacts,
        mail=mail_of(settings),
        site=settings.site_url,
    )
    if sent.undelivered:
        raise RuntimeError("; ".join(sent.undelivered))
    return sent.letters
