"""The OpenAPI document of the pull API, as data. tests/pull keep it true."""

from services.openapi import document

DOCUMENT = document("pull", "The declarative control plane.", {}, {})
