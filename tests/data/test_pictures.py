"""Folders of pictures: what is hidden in them, and pictures of more than 8 bits."""

import csv
import io

import numpy as np
import pytest
from cli.command import command
from PIL import ExifTags, Image

from jax_logreg.data import Reading, read
from jax_logreg.errors import InputError

RAMP = (np.arange(256, dtype=np.uint16) * 256).reshape(16, 16)


def save(path, array, mode=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(array)
    (image if mode is None else image.convert(mode)).save(path, **options)


@pytest.fixture
def pets(tmp_path, rng):
    """Two classes of five pictures, one oddly named in each, and what others leave beside them."""
    folder = tmp_path / "pets"
    for name in ("cat", "dog"):
        for i in range(4):
            save(folder / name / f"{i}.png", rng.integers(0, 256, (3, 3, 3), np.uint8))
    picture = rng.integers(0, 256, (3, 3, 3), np.uint8)
    save(folder / "cat" / "UPPER.JPG", picture)
    save(folder / "dog" / "png.jpeg", picture, format="PNG")
    save(folder / ".ipynb_checkpoints" / "0.png", picture)
    save(folder / "cat" / ".ipynb_checkpoints" / "0.png", picture)
    save(folder / "__MACOSX" / "cat" / "0.png", picture)
    (folder / "cat" / "._0.png").write_bytes(bytes(range(120)))
    (folder / ".DS_Store").touch()
    return folder


@pytest.mark.parametrize("labelled", [True, False])
def test_hidden_files_and_folders_are_left_out_and_counted(labelled, pets):
    examples = read(pets, Reading(), labelled=labelled)
    names = [f"{name}/{i}.png" for name in ("cat", "dog") for i in range(4)]
    assert examples.files == (*names[:4], "cat/UPPER.JPG", *names[4:], "dog/png.jpeg")
    assert examples.X.shape == (27, 10)
    (note,) = examples.notes
    assert "left out: hidden files (5, such as .DS_Store)" in note
    if labelled:
        assert examples.labels.tolist() == ["cat"] * 5 + ["dog"] * 5


def test_what_lies_elsewhere_is_counted_too(pets, rng):
    picture = rng.integers(0, 256, (3, 3, 3), np.uint8)
    save(pets / "stray.png", picture)
    save(pets / "cat" / "young" / "0.png", picture)
    (pets / "cat" / "notes.txt").touch()
    labelled, new = read(pets, Reading()), read(pets, Reading(), labelled=False)
    assert labelled.X.shape[1] == 10 and new.X.shape[1] == 12
    assert "pictures in no sub-folder that is a class (2, such as cat/young" in labelled.notes[1]
    for examples in (labelled, new):
        assert (
            "files that are no pictures by their suffix (1, such as cat/notes.txt)"
            in (examples.notes[-1])
        )
    # Those left are named where none is right.
    for file in labelled.files:
        (pets / file).unlink()
    with pytest.raises(InputError, match=r"holds no pictures: .*left out: hidden files \(5"):
        read(pets, Reading())


def test_classes_that_are_links_to_folders(pets, tmp_path):
    links = tmp_path / "links"
    links.mkdir()
    for name in ("cat", "dog"):
        (links / name).symlink_to(pets / name)
    examples = read(links, Reading())
    assert len(examples.files) == 10 and set(examples.labels) == {"cat", "dog"}


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bits_keep_their_range(suffix, tmp_path):
    for i, name in enumerate(("a", "b")):
        save(tmp_path / name / f"0{suffix}", np.roll(RAMP, i))
    examples = read(tmp_path, Reading())
    expected = np.repeat(RAMP.reshape(-1) >> 8, 3)
    np.testing.assert_array_equal(examples.X[:, 0], expected)
    assert len(np.unique(examples.X)) == 256 and examples.X.dtype == np.uint8
    assert "of 2 greyscale pictures of 16 bits the upper 8 bits are read" in examples.notes[0]
    small = read(tmp_path, Reading(pixels=4), labelled=False)
    assert len(np.unique(small.X)) > 4


def test_16_bits_of_which_the_upper_ones_are_not_used(tmp_path):
    for name in ("a", "b"):
        save(tmp_path / name / "0.png", RAMP // 16)
    with pytest.raises(
        InputError, match=r"values up to 4080 of 65535, and their upper 8 bits 16 levels"
    ):
        read(tmp_path, Reading())


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_numbers_whose_range_is_unknown_are_refused(dtype, tmp_path):
    save(tmp_path / "a" / "0.tif", (np.eye(4) * 1000).astype(dtype))
    with pytest.raises(InputError, match=r"0\.tif holds .*, whose range is unknown"):
        read(tmp_path, Reading())


def test_every_mode_of_8_bits_is_read_as_its_colours(tmp_path, rng):
    array = rng.integers(0, 256, (4, 4, 3), np.uint8)
    for mode in ("RGB", "RGBA", "L", "LA", "P", "1"):
        save(tmp_path / mode / "0.png", array, mode)
    save(tmp_path / "CMYK" / "0.jpg", array, "CMYK")
    examples = read(tmp_path, Reading())
    assert examples.notes == ()
    X = dict(zip(examples.labels.tolist(), examples.X.T, strict=True))
    np.testing.assert_array_equal(X["RGB"], array.ravel())
    np.testing.assert_array_equal(X["RGBA"], X["RGB"])
    np.testing.assert_array_equal(X["LA"], X["L"])
    expected = np.asarray(Image.fromarray(array).convert("L"))
    np.testing.assert_array_equal(X["L"].reshape(4, 4, 3), np.repeat(expected[..., None], 3, 2))
    assert len(np.unique(X["CMYK"])) > 10
    colours = np.asarray(Image.fromarray(array).convert("P").convert("RGB"))
    np.testing.assert_array_equal(X["P"], colours.ravel())


def test_what_rgb_does_not_hold_is_said(tmp_path, rng):
    frames = [Image.fromarray(rng.integers(0, 256, (4, 4, 3), np.uint8)) for _ in range(2)]
    (tmp_path / "a").mkdir()
    frames[0].save(tmp_path / "a" / "0.gif", save_all=True, append_images=frames[1:])
    clear = np.full((4, 4, 4), 100, np.uint8)
    save(tmp_path / "a" / "1.png", clear)
    several, transparent = read(tmp_path, Reading()).notes
    assert "of 1 pictures that have several frames the first is read" in several
    assert "of 1 pictures that are transparent in parts" in transparent


def test_predictions_name_their_files(pets, tmp_path):
    (tmp_path / "c.toml").write_text(
        f'[data]\nsource = "file"\ntrain = "{pets}"\ntest_fraction = 0\n[fit]\nsteps = 3\n'
        '[penalty]\nkind = "l2"\nstrength = 0.1\n'
    )
    assert command("run", tmp_path / "c.toml", "--out", tmp_path / "run").code == 0
    done = command("predict", tmp_path / "run", pets)
    assert "left out: hidden files (5" in done.err and len(done.err.splitlines()) == 1
    rows = {row.pop("file"): row for row in csv.DictReader(io.StringIO(done.out))}
    assert len(rows) == 10 and rows["cat/0.png"]["predicted"] in ("cat", "dog")
    # Each row is that of its file alone.
    for name in ("cat/UPPER.JPG", "dog/2.png"):
        alone = tmp_path / "alone" / name
        alone.parent.mkdir(parents=True, exist_ok=True)
        alone.write_bytes((pets / name).read_bytes())
        done = command("predict", tmp_path / "run", alone.parent)
        (row,) = csv.DictReader(io.StringIO(done.out))
        expected = pytest.approx(float(rows[name]["probability"]), rel=1e-5)
        assert float(row["probability"]) == expected
        assert row["file"] == alone.name
        alone.unlink()
    out = tmp_path / "p.npz"
    assert command("predict", tmp_path / "run", pets, "--out", out).code == 0
    assert np.load(out)["files"].tolist() == list(rows)


# The picture as it lies in the file, for each orientation of EXIF.
LYING = {
    1: lambda upright: upright,
    2: np.fliplr,
    3: lambda upright: np.rot90(upright, 2),
    4: np.flipud,
    5: lambda upright: upright.transpose(1, 0, 2),
    6: np.rot90,
    7: lambda upright: np.rot90(upright, 2).transpose(1, 0, 2),
    8: lambda upright: np.rot90(upright, -1),
}


@pytest.mark.parametrize("suffix", ["png", "tiff", "webp"])
def test_pictures_are_read_upright(suffix, tmp_path, rng):
    upright = rng.integers(0, 256, (4, 6, 3), np.uint8)
    options = {"lossless": True} if suffix == "webp" else {}
    for orientation, lying in LYING.items():
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        path = tmp_path / "cat" / f"{orientation}.{suffix}"
        save(path, np.ascontiguousarray(lying(upright)), exif=exif, **options)
    examples = read(tmp_path, Reading())
    assert examples.picture == (4, 6, 3)
    np.testing.assert_array_equal(examples.X, np.repeat(upright.reshape(-1, 1), 8, axis=1))
    assert "of 7 pictures that lie on their side or mirrored" in examples.notes[0]


@pytest.mark.parametrize("content", [b"Exif\0\0nonsense", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"x"])
def test_damaged_exif_is_no_damage_of_the_picture(content, tmp_path, rng):
    pixels = rng.integers(0, 256, (4, 6, 3), np.uint8)
    save(tmp_path / "cat" / "0.png", pixels, exif=content)
    np.testing.assert_array_equal(read(tmp_path, Reading()).X[:, 0], pixels.ravel())
