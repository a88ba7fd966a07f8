"""`quantick check states` prints the state-width table and passes; a wrong number of seeds is refused."""
import json


def test_the_table_is_reproduced(quantick):
    document = json.loads(quantick("check", "states", "--json").stdout)
    assert document["passed"]
    rows = {row["name"]: row for row in document["rows"]}
    assert len(rows) == 9
    assert document["half_lives"] == [10, 60, 250, 1000, 4000]
    # A narrow cell loses more the slower the memory; this contract's keeps most of what it has.
    whole, narrow = (rows[name]["measured"] for name in ("lstm, this contract", "cell at 8 bits"))
    assert whole[-1] > 40 > narrow[0] > narrow[-1]


def test_no_layer_is_no_measurement(quantick):
    refused = quantick("check", "states", "--seeds", "0", ok=False)
    assert refused.returncode != 0
    assert "[states] seeds, was 0, expected at least 1" in refused.stderr
