"""The version that both APIs name; the guests run from a checkout, which has no metadata."""

VERSION = "0.1.0"
