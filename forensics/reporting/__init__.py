"""One offline HTML file that people read, and the same summary for a terminal."""
