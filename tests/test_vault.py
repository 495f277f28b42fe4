"""The vault: what it keeps can be read with its secret, and with no other."""

from __future__ import annotations

import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from causerie.config import load
from causerie.errors import Conflict, Unavailable
from causerie.vault import SECRET_FILE, Vault, open_vault

KEY = "sk-upstream-ключ"
STARTERS = 4
PASSPHRASES = ["a", "a passphrase of many words", "pässwörd\n", "x" * 500]


@pytest.mark.parametrize("passphrase", PASSPHRASES)
def test_any_passphrase_keeps_a_text(passphrase: str) -> None:
    kept = Vault(passphrase.encode()).encrypt(KEY)
    assert KEY not in kept and kept.isascii()
    assert Vault(passphrase.encode()).decrypt(kept) == KEY


def test_the_same_text_looks_different_each_time() -> None:
    vault = Vault(b"secret")
    assert vault.encrypt(KEY) != vault.encrypt(KEY)


@pytest.mark.parametrize("kept", ["", "nonsense", Vault(b"another").encrypt(KEY)])
def test_another_secret_is_refused_with_what_to_do(kept: str) -> None:
    with pytest.raises(Conflict, match="CAUSERIE_SECRET") as refused:
        Vault(b"secret").decrypt(kept)
    assert "put the upstream key in anew" in refused.value.message
    assert "secret.key" in refused.value.message and KEY not in refused.value.message


def test_the_secret_in_the_folder_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "not yet there"
    vault = open_vault(folder, "")
    assert not folder.exists()
    kept = vault.encrypt(KEY)
    file = folder / SECRET_FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [entry.name for entry in folder.iterdir()] == [SECRET_FILE]
    made = file.read_bytes()
    assert len(made.strip()) >= 32
    assert open_vault(folder, "").decrypt(kept) == KEY
    assert file.read_bytes() == made


def test_a_given_secret_goes_before_that_of_the_folder(tmp_path: Path) -> None:
    kept = open_vault(tmp_path, "given").encrypt(KEY)
    assert list(tmp_path.iterdir()) == []
    assert open_vault(tmp_path / "elsewhere", " given\n").decrypt(kept) == KEY
    with pytest.raises(Conflict):
        open_vault(tmp_path, "").decrypt(kept)


def test_processes_that_start_at_once_end_with_one_secret(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from causerie.vault import open_vault; "
        "vault = open_vault(Path(sys.argv[1]), ''); sys.stdin.readline(); "
        "print(vault.encrypt('text'))"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(STARTERS)
    ]
    with ThreadPoolExecutor(STARTERS) as pool:
        kept = list(pool.map(lambda process: process.communicate("go\n")[0].strip(), started))
    assert [open_vault(tmp_path, "").decrypt(one) for one in kept] == ["text"] * STARTERS
    assert [entry.name for entry in tmp_path.iterdir()] == [SECRET_FILE]


def test_threads_that_need_it_at_once_find_one_secret(tmp_path: Path) -> None:
    vaults = [open_vault(tmp_path, "") for _ in range(STARTERS)]
    with ThreadPoolExecutor(STARTERS) as pool:
        kept = list(pool.map(lambda vault: vault.encrypt(KEY), vaults))
    assert {vault.decrypt(one) for vault in vaults for one in kept} == {KEY}


def test_a_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(Unavailable, match="cannot be kept"):
        open_vault(tmp_path / "file", "").encrypt(KEY)


def test_an_empty_secret_is_never_used(tmp_path: Path) -> None:
    (tmp_path / SECRET_FILE).write_text("\n")
    with pytest.raises(Unavailable, match="backup"):
        open_vault(tmp_path, "").encrypt(KEY)


def test_the_secret_comes_from_the_environment_or_a_file_and_is_never_shown(
    tmp_path: Path,
) -> None:
    (tmp_path / "secret").write_text("from a file\n")
    settings = load({"CAUSERIE_SECRET_FILE": str(tmp_path / "secret")})
    assert settings.secret == "from a file"
    assert "from a file" not in repr(settings)
    assert load({"CAUSERIE_SECRET": "plain"}).secret == "plain"
