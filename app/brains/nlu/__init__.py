"""Understanding of messages: intents by a trained model, entities, language; numpy is imported with a model."""
