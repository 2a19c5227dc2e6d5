"""Scraping: targets are found, asked for their metrics in turn, and what they answer is stored."""
