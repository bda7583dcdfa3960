"""Machine learning over Spark Connect: searches, trials and fits from the operations that the client asked for."""
