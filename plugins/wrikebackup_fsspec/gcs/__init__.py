"""The sink kind `gcs`: Google Cloud Storage by its JSON API. google-auth signs the requests, urllib3 carries them."""
