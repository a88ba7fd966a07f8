"""Prices out of a PostgreSQL server by ADBC. The server is this test's own, on a socket in a folder of its own; the test
skips where PostgreSQL or the driver is not installed."""
import os
import pwd
import shutil
import subprocess
import tempfile

import numpy as np
import pytest

from quantick import frames

dbapi = pytest.importorskip("adbc_driver_postgresql.dbapi")


def programs():
    for name in ("initdb", "pg_ctl"):
        if shutil.which(name) is None:
            pytest.skip(f"{name} of PostgreSQL is not installed")


@pytest.fixture(scope="module")
def server():
    programs()
    # PostgreSQL refuses to run as root.
    nobody = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    who = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []} if nobody else {}
    folder = tempfile.mkdtemp(prefix="quantick-postgresql-")
    try:
        if nobody:
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        data = os.path.join(folder, "data")

        # A sanitizer that is preloaded for our module is none of the server's business.
        environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}

        def run(*words):
            subprocess.run(words, check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           stdin=subprocess.DEVNULL, timeout=120, env=environment, **who)
        run("initdb", "-D", data, "-A", "trust", "-U", "tester", "-N", "--encoding=UTF8", "--no-locale")
        run("pg_ctl", "-D", data, "-w", "-l", os.path.join(folder, "log"), "-o", f"-k {folder} -h '' -F", "start")
        try:
            yield f"postgresql://tester@/postgres?host={folder}"
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_prices_of_a_server(server):
    with dbapi.connect(server) as connection, connection.cursor() as cursor:
        cursor.execute("create table prices (at timestamptz, day date, symbol text, close double precision, volume bigint,"
                       " exact numeric)")
        cursor.execute("insert into prices select '2020-01-03 02:00+00'::timestamptz + i * interval '1 day',"
                       " date '2020-01-02' + i, s, 1.5 + i, 100 * i, 1.25 from generate_series(0, 2999) i,"
                       " unnest(array['A', 'B']) s order by i, s")
        cursor.execute("select day, symbol, close, volume from prices")
        panel = frames.read(cursor.fetch_arrow())
        assert panel.shape == (3000, 2) and panel.instruments == ["A", "B"]
        np.testing.assert_array_equal(panel["close"][:, 1], 1.5 + np.arange(3000))
        cursor.execute("select at as date, symbol, close from prices where symbol = 'A'")
        instants = cursor.fetch_arrow_table()
        with pytest.raises(ValueError, match="set time_zone"):
            frames.read(instants)
        assert frames.read(instants, time_zone="America/New_York", start="2020-01-01").dates[0] == panel.dates[0]
        cursor.execute("select day, symbol, exact as close from prices")
        with pytest.raises(TypeError, match='column "close"'):
            frames.read(cursor.fetch_arrow_table())
