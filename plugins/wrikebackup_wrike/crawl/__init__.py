"""How each kind is read from the API, in as few requests as it allows."""
