"""Kill -9 at random moments under load: acknowledged is durable, and counted once."""

from __future__ import annotations

from bench.kill import Campaign, Tally
from bench.tallies import out_of
from tests.servers.andon import AndonServer

_ROUNDS = 5


def test_every_acknowledged_record_is_there_once(fresh_server: AndonServer) -> None:
    campaign, total = Campaign(fresh_server, "test"), Tally()
    for number in range(_ROUNDS):
        total.add(campaign.run_round(number))
    print(out_of(total.lost, total.acked, "acked records lost"))
    assert not total.faults, "\n".join(total.faults)
    assert total.acked > 1_000 * _ROUNDS
    assert total.duplicates, "no duplicate was reported, so that none was found shows nothing"
    assert total.cut_off, "no kill met a request, so that nothing was lost shows nothing"


def test_asked_to_end_it_answers_whatever_it_has_stored(fresh_server: AndonServer) -> None:
    total = Campaign(fresh_server, "gently").run_round(0, gently=True)
    assert not total.faults, "\n".join(total.faults)
    assert total.acked > 1_000
