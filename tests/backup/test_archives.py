"""What is wrong with an archive is said before anything believes it."""

import hashlib
import io
import tarfile

import pytest
import zstandard

from app.backup import reading, restoring, writing
from app.backup.container import Reader, Writer, trailer
from app.backup.manifest import BadArchive
from app.errors import StartupError
from tests.backup.conftest import KEY, Place, rewritten


def damaged(archive, data):
    other = archive.with_name("damaged.rig")
    other.write_bytes(data)
    return other


async def test_an_archive_that_was_cut_short_anywhere_is_refused(archive):
    whole = archive.read_bytes()
    for size in {*range(1, len(whole), len(whole) // 40), len(whole) - 1, len(whole) - 4}:
        with pytest.raises(BadArchive, match=r"cut short|damaged|no archive of Rigline"):
            reading.check(damaged(archive, whole[:size]))


async def test_an_archive_with_one_bit_flipped_anywhere_is_refused(archive):
    whole = archive.read_bytes()
    for at in range(0, len(whole), max(1, len(whole) // 60)):
        flipped = bytearray(whole)
        flipped[at] ^= 1 << at % 8
        with pytest.raises(BadArchive):
            reading.check(damaged(archive, bytes(flipped)))


async def test_rows_that_somebody_changed_do_not_pass_for_those_that_were_written(archive):
    """Compressed anew after the change, the stream's own check sum is right: the table's is not."""
    plain = zstandard.ZstdDecompressor().decompressobj().decompress(archive.read_bytes())
    assert plain.count(b"acme/firmware.git") == 1
    changed = zstandard.ZstdCompressor().compress(plain.replace(b"acme/firmware.git", b"evil/firmware.git"))

    with pytest.raises(BadArchive, match="the rows of repository are not those that were written"):
        reading.check(damaged(archive, changed + trailer(hashlib.sha256(changed).digest())))


@pytest.mark.parametrize("content", [b"", b"not at all", b"\x28\xb5\x2f\xfd" + bytes(40)])
async def test_a_foreign_file_is_called_what_it_is(tmp_path, content):
    (tmp_path / "foreign").write_bytes(content)

    with pytest.raises(BadArchive, match="no archive of Rigline"):
        reading.check(tmp_path / "foreign")


async def test_a_foreign_tar_is_called_what_it_is(tmp_path):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("../../etc/passwd"))
    (tmp_path / "foreign").write_bytes(zstandard.ZstdCompressor().compress(made.getvalue()))

    with pytest.raises(BadArchive, match="no archive of Rigline"):
        reading.check(tmp_path / "foreign")


async def test_an_archive_of_a_newer_rigline_says_which(archive):
    newer = rewritten(archive, format=2, rigline="9.1.0")

    with pytest.raises(BadArchive, match=r"format 2, and this Rigline reads up to 1. Rigline 9.1.0 wrote it"):
        reading.check(newer)
    with pytest.raises(BadArchive, match=r"the schema 9999, and the newest that this Rigline knows is"):
        reading.fits(reading.check(rewritten(archive, revision="9999")).manifest)


async def test_an_archive_under_a_passphrase_opens_with_it_alone(site, elsewhere, tmp_path):
    repository = await site.repository("acme/secret")
    noise = bytes((each * each * 31 + (each >> 3)) % 251 for each in range(700_000))  # more than a block of the seal
    usual = {"forge": "github", "kind": "push", "headers": {}, "body_sha256": b"x"}
    for number in range(3):
        await site.insert("delivery", key=str(number), body=noise[number:], **usual)
    sealed = tmp_path / "sealed.rig"
    wish = writing.Wish(secret_key=KEY, passphrase=b"correct horse")
    await writing.write_file(site.deps.settings.database_url, sealed, wish)

    whole = sealed.read_bytes()
    for passphrase, said in ((None, "give --passphrase-file"), (b"wrong horse", "not that of the archive")):
        with pytest.raises(BadArchive, match=said):
            reading.check(sealed, passphrase)
    for cut in (whole[:-1], whole[: len(whole) // 2], whole[:30]):
        with pytest.raises(BadArchive, match="or the archive is damaged"):
            reading.check(damaged(sealed, cut), b"correct horse")
    assert b"acme/secret" not in whole

    await restoring.restore(elsewhere.url, sealed, passphrase=b"correct horse")
    assert await elsewhere.rows("SELECT id, full_name FROM repository") == [(repository, "acme/secret")]
    asked = "SELECT id, md5(body) FROM delivery ORDER BY id"
    assert await elsewhere.rows(asked) == await Place(site.deps.settings.database_url).rows(asked)


async def test_nothing_of_an_archive_stays_behind_when_its_restoration_fails(elsewhere, archive):
    """The sums are right, the rows are not: the database itself refuses them, at the end."""
    other = archive.with_name("orphans.rig")
    with archive.open("rb") as source, other.open("wb") as sink:
        reader, writer = Reader(source), Writer(sink)
        writer.begin(reader.manifest)
        for table, data in reader.pieces():
            if table != "repository":
                writer.piece(table, data)
        for table, each in reader.sums.items():
            writer.count(table, 0 if table == "repository" else each.rows)
        writer.end()

    with pytest.raises(BadArchive, match="foreign key"):
        await restoring.restore(elsewhere.url, other)

    assert await elsewhere.rows("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]


async def test_a_file_that_is_there_already_is_never_written_over(site, archive):
    before = archive.read_bytes()

    with pytest.raises(StartupError, match="is there already"):
        await writing.write_file(site.deps.settings.database_url, archive, writing.Wish(secret_key=KEY))

    assert archive.read_bytes() == before
    assert [each.name for each in archive.parent.iterdir() if each.name.endswith(".part")] == []
