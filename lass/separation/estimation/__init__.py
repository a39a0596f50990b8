"""From candidates to estimates."""
