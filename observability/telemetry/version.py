"""The portal's version, as releases and `portal_info` name it."""

VERSION = "0.1.0"
