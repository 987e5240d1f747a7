"""What the Trainer takes from label_balance.json."""

import pytest

from tests.balances import balance_content
from trainer.balance import balance_of
from transform.errors import MarqueeError

CONTENT = balance_content(
    {"Drama": 9, "Café": 4},
    Drama={"effective_number": [0.9, 1.1], "inverse_frequency": [0.7, 1.5]},
    Café={"effective_number": [0.8, 3.0], "inverse_frequency": [0.6, 5.0], "repeat_factor": 1.5},
)


@pytest.mark.parametrize(
    ("scheme", "weights"),
    [("effective_number", [[0.8, 3.0], [0.9, 1.1]]), ("inverse_frequency", [[0.6, 5.0], [0.7, 1.5]])],
)
def test_the_order_is_that_of_the_vocabulary(scheme, weights):
    balance = balance_of(CONTENT, ["Café", "Drama"], scheme)
    assert balance.positives == [4, 9]
    assert balance.weights == weights
    assert balance.repeat_factors == [1.5, 1.0]


def test_other_genres_than_the_graph_has_are_named():
    with pytest.raises(MarqueeError, match=r"only the file: Café; only the graph: War, Western"):
        balance_of(CONTENT, ["Drama", "Western", "War"], "effective_number")
    with pytest.raises(MarqueeError, match=r"only the file: Café, Drama; only the graph: none"):
        balance_of(CONTENT, [], "effective_number")
