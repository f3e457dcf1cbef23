"""Understanding of messages: intents by a trained model, entities, language; numpy is imported only where a model is."""
