"""Where an episode and what belongs to it stand in the library."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tower.publishing.film import Subtitle


@dataclass(frozen=True)
class Layout:
    """The title of the episode is in the NFO only, because Jellyfin would read words of it in a file name."""

    library: Path
    series_folder: str
    season: int
    number: int

    @property
    def series(self) -> Path:
        return self.library / self.series_folder

    @property
    def season_folder(self) -> Path:
        return self.series / f"Season {self.season:02d}"

    @property
    def stem(self) -> str:
        return f"{self.series_folder} S{self.season:02d}E{self.number:02d}"

    @property
    def video(self) -> Path:
        return self.season_folder / f"{self.stem}.mp4"

    @property
    def nfo(self) -> Path:
        return self.season_folder / f"{self.stem}.nfo"

    @property
    def thumb(self) -> Path:
        return self.season_folder / f"{self.stem}-thumb.jpg"

    @property
    def series_nfo(self) -> Path:
        return self.series / "tvshow.nfo"

    @property
    def season_nfo(self) -> Path:
        return self.season_folder / "season.nfo"

    @property
    def poster(self) -> Path:
        return self.series / "poster.jpg"

    def subtitle(self, subtitle: Subtitle) -> Path:
        """Jellyfin reads the language and the flags from the words of the name."""
        flags = {
            "default": subtitle.is_default,
            "forced": subtitle.is_forced,
            "sdh": subtitle.is_for_hearing_impaired,
        }
        words = (subtitle.language, *(word for word, is_set in flags.items() if is_set), subtitle.format.value)
        return self.season_folder / ".".join((self.stem, *words))
