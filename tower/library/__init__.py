"""The music library: scanning its folders, reading tags, searching, playing, playlists and sound quality."""
