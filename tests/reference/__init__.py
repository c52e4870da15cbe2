"""Slow, readable twins of the statistics, written from the textbooks and used only to check the fast ones."""
