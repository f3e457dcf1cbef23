"""Settings pages: connections, AI providers and privacy."""
