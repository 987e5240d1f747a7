"""The lineage page in a browser: it fits a phone, and needs no network."""

from typing import Any

from pipeline.report import lineage

PHONE = {"width": 390, "height": 844}
BROKEN_WORDS = """() => [...document.querySelectorAll("thead th")].filter((heading) => {
  const text = document.createRange();
  text.selectNodeContents(heading);
  return !heading.innerText.includes(" ") && text.getClientRects().length > 1;
}).map((heading) => heading.innerText)"""


def lineages() -> list[dict[str, Any]]:
    long = "a_very_long_name_of_a_setting_" * 3
    step = {"node": "Trainer.lstm", "run": "2026-01-02T03:04:05.678", "inputs": {"examples": ["Transform"]}}
    step |= {"settings": {}, "others": {"run_fn": "trainer.lstm.run_fn", "train_args": "x" * 300}}
    span = {
        "number": 1,
        "folder": "/films/" + "f" * 99,
        "pattern": "span-{SPAN}",
        "fingerprint": "a" * 99,
        "films": None,
    }
    relative = {"role": "started from", "name": "lstm", "version": None, "run": "2026-01-01"}
    return [
        {
            "model": "<lstm>", "version": 100, "folder": "/served/lstm/100", "there": False, "labels": ["stable"],
            "run": "2026-01-02", "tfx": "1.16.0", "blessed": "because", "spans": [span], "relatives": [relative],
            "code": {"trainer.lstm.run_fn": "r" * 16}, "settings": {"lstm": {long: "v" * 99, "epochs": None}},
            "steps": [step], "commits": {"2026-01-02": "c" * 40},
        }
    ]  # fmt: skip


def test_it_fits_a_phone_and_says_what_it_was_given(page, tmp_path):
    file = tmp_path / "lineage.html"
    file.write_text(lineage.page(lineages()), encoding="utf-8")
    page.set_viewport_size(PHONE)
    page.goto(file.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    card = page.locator(".card").first
    assert card.evaluate("(card) => card.scrollWidth <= card.clientWidth")
    text = page.locator("main").inner_text()
    for part in ("<lstm> 100", "no longer", "Labelled stable", "/span-1", "not pushed", "examples from Transform"):
        assert part in text
    assert page.evaluate(BROKEN_WORDS) == []
