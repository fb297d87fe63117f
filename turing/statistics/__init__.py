"""Reader-study statistics: numbers in, numbers out. numpy and scipy only; no Django."""
