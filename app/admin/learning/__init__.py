"""Learning pages: messages a brain did not understand, in clusters, and the effect of changed intents."""
