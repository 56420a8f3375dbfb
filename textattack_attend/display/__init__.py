"""Everything that notebooks show: tables in HTML, the style of figures, and maps of attention."""
