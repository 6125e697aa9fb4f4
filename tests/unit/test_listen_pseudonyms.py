"""Names do not leave the house; what can be learned from their shape does."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.catalogue import read_catalogue
from toolkit.listen.check import check
from toolkit.listen.pseudonyms import Pseudonyms
from toolkit.listen.request import Received
from toolkit.ocs.feed import Feed
from toolkit.uses import listen
from toolkit.uses.listen import Samples

CATALOGUE = read_catalogue()
NAMES = Pseudonyms(CATALOGUE, b"k" * 32)


def received(body: bytes) -> Received:
    headers = (("Host", "ocs-prod.bank.example:9200"), ("Content-Type", "application/json"), ("X-Site", "Zurich West"))
    return Received(1, "10.0.0.1", None, "HTTP/1.1", "POST", "/ocs-campaign-groups-bank/_doc", headers, body, 1, True)


@given(st.text(max_size=60))
def test_the_shape_of_a_name_stays(name: str) -> None:
    other = NAMES.name(name)
    assert len(other) == len(name)
    assert len(other.encode("utf-8", "surrogatepass")) == len(name.encode("utf-8", "surrogatepass"))
    if name != "undefined":
        assert [unicodedata.category(c) for c in other] == [unicodedata.category(c) for c in name]
    assert [c if not c.isalnum() and c.isprintable() else "" for c in other] == [
        c if not c.isalnum() and c.isprintable() else "" for c in name
    ]


@pytest.mark.parametrize(
    "name", ["Müller & Söhne AG", "営業センター東京", "Кампания Зима", "مركز الاتصال", "8001@Switch_Main"]
)
def test_the_same_name_is_the_same_and_another_key_is_another(name: str) -> None:
    assert NAMES.name(name) == NAMES.name(name) != name
    assert Pseudonyms(CATALOGUE).name(name) != Pseudonyms(CATALOGUE).name(name)


def test_a_campaign_group_still_shows_of_what_it_is_made() -> None:
    assert NAMES.name("Winter@Team North") == f"{NAMES.name('Winter')}@{NAMES.name('Team North')}"


def test_a_guid_stays_one() -> None:
    guid = "7A91C12C-2CAC-4E4A-88A8-488880cdf3f1"
    assert NAMES.name(guid) != guid
    assert set(NAMES.name(guid)) <= set("0123456789ABCDEFabcdef-")


def test_numbers_codes_times_and_the_vendors_own_words_stay() -> None:
    body: dict[str, Any] = {
        "GSW_TENANT_NAME": "undefined",
        "GSW_DIAL_MODE": 99,
        "GSW_CAMPAIGN_GROUP_STATE": " 5 ".strip(),
        "GSW_CAMPAIGN_GROUP_ACTION": "ReqLoadCampaign",
        "GSW_CAMPAIGN_GROUP_ACTOR": "OCS client",
        "GSW_DATE_TIME": "2018-04-26T18:53:00.123+02:00",
        "GSW_STAT_HIT_RATIO": "NaN",
        "GSW_NEWS": [1, 0.5, True, None],
        "lists": [{"GSW_CALLING_LIST_NAME": "", "listName": "", "hitRatio": 0.2, "time_to_complete": 3}],
        "": 1,
    }
    assert NAMES.message(body) == body


def test_names_go_wherever_they_stand() -> None:
    body: dict[str, Any] = {
        "GSW_QUEUE_NAME": 8001,
        "GSW_CAMPAIGN_GROUP_ACTION": "Acme calls",
        "GSW_DATE_TIME": "when Acme calls",
        "GSW_STAT_HIT_RATIO": {"Acme list": 0.5},
        "GSW_NEWS": {"Acme": {"deep": ["Acme", {"x": "Acme"}]}},
        "GSW_GROUP_NAME": {"name": "Acme"},
        "Acme's own words, which are no attribute's name": 1,
    }
    text = json.dumps(NAMES.message(body))
    assert "Acme" not in text
    assert "8001" not in text


@pytest.mark.parametrize("key", ["Acme", "Winter@Acme", "ACME_REGION", "acme.list", "_acme"])
def test_a_key_of_the_message_may_be_a_name_too(key: str) -> None:
    (other,) = NAMES.message({key: 0.5})
    assert other != key
    assert "acme" not in other.lower()
    assert NAMES.key(key) == other  # a finding about it speaks of the same


@pytest.mark.parametrize("key", ["GSW_NEWS", "GSW_CALLING_LISTS", "campaign_name", "callingLists", ""])
def test_a_key_of_the_vendors_words_stays(key: str) -> None:
    assert NAMES.message({key: 0.5}) == {key: 0.5}


@pytest.mark.parametrize(
    "body",
    [
        {"GSW_QUEUE_NAME": 4915112345678},
        {"GSW_QUEUE_NAME": 4915112345678.5},
        {"GSW_QUEUE_NAME": 4.915112345678e30},
        {"GSW_NEWS": 4915112345678},
        {"GSW_NEWS": [{"id": -4915112345678}]},
        {"GSW_NEWS": {"GSW_QUEUE_NAME": 4915112345678}},
        {"GSW_DIAL_MODE": {"id": 4915112345678}},
    ],
)
def test_a_number_that_may_be_somebodys_goes(body: dict[str, Any]) -> None:
    text = json.dumps(NAMES.message(body))
    assert "915112345678" not in text
    assert len(text) <= len(json.dumps(body))


def test_figures_stay_wherever_they_stand() -> None:
    figures = {"GSW_STAT_TIME_TO_COMPLETE": 86400, "GSW_STAT_HIT_RATIO": 0.25}
    for body in (figures, {"GSW_CALLING_LISTS": [figures]}, {"GSW_NEWS": {"": figures}}):
        assert NAMES.message(body) == body
    (found,) = NAMES.message({"GSW_STAT_TIME_TO_COMPLETE": {"Acme list": 86400}})["GSW_STAT_TIME_TO_COMPLETE"].values()
    assert found == 86400


@pytest.mark.parametrize("name", ["東京海上日動", "삼성전자서비스"])
def test_a_letter_of_thousands_is_not_told_by_its_neighbours(name: str) -> None:
    """A stand-in from the same 128 letters would leave a name of six letters hardly a choice."""
    blocks = [[ord(char) // 128 for char in Pseudonyms(CATALOGUE).name(name)] for _ in range(5)]
    assert all(found != [ord(char) // 128 for char in name] for found in blocks)


def test_the_name_of_a_header_may_be_a_customers() -> None:
    given = (("X-Acme-Tenant-Id", "1"), ("X-Forwarded-For", "10.1.2.3"), ("Content-Type", "a/b"), ("ACME", "x"))
    (first, _), forwarded, kept, (last, _) = NAMES.headers(given)
    assert first.startswith("X-")
    assert first.endswith("-Tenant-Id")
    assert "Acme" not in first
    assert last != "ACME"
    assert forwarded[0] == "X-Forwarded-For"
    assert "10.1.2.3" not in forwarded[1]
    assert kept == ("Content-Type", "a/b")


def test_every_name_of_a_simulated_feed_is_gone(tmp_path: Path) -> None:
    samples = Samples(tmp_path / "s", CATALOGUE)
    names: set[str] = set()
    for message in Feed(300, groups=20).messages(CATALOGUE, 1_524_768_780_123):
        body = json.loads(message.text)
        names |= {value for key, value in body.items() if key.endswith(("_NAME", "_GUID"))}
        names |= {each["GSW_CALLING_LIST_NAME"] for each in body.get("GSW_CALLING_LISTS", [])}
        for data in (message.text.encode(), message.text.encode("latin-1", "replace"), message.text[:-5].encode()):
            samples.add(check(received(data), CATALOGUE, 1_600_000_000_000))
    names.remove("undefined")  # which is OCS's word, and nobody's name
    samples.close()
    assert samples.written == 900
    text = (tmp_path / "s").read_text(encoding="utf-8")
    assert len(names) > 50
    assert [name for name in names if name in text or json.dumps(name)[1:-1] in text] == []
    assert "bank" not in text
    assert "ocs-prod" not in text
    assert "Zurich" not in text
    assert "10.0.0.1" not in text


def test_the_encoding_can_be_seen_in_a_sample(tmp_path: Path) -> None:
    samples = Samples(tmp_path / "s", CATALOGUE)
    samples.add(check(received('{"GSW_TENANT_NAME": "Müller"}'.encode("latin-1")), CATALOGUE, 0))
    samples.close()
    sample = json.loads((tmp_path / "s").read_text(encoding="utf-8").splitlines()[1])
    assert (sample["encoding"], sample["not_ascii"]) == ("not UTF-8", ["fc"])
    assert len(sample["body"]["GSW_TENANT_NAME"]) == 6


def test_a_file_of_samples_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen, "SAMPLES_BYTES_MAX", 2000)
    samples = Samples(tmp_path / "s", CATALOGUE)
    for _ in range(10):
        samples.add(check(received(b'{"GSW_TENANT_NAME": "T"}'), CATALOGUE, 0))
    samples.close()
    assert 0 < samples.written < 10
    assert samples.full
    assert (tmp_path / "s").stat().st_size <= 2000
