"""Analytics pages: figures, charts and the CSV export."""
