"""The leaderboard as a site: files that open from a disk and from any static host."""
