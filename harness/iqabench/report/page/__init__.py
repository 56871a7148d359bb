"""A run as one HTML page that needs nothing else: tables, charts, pictures and the data behind them."""
