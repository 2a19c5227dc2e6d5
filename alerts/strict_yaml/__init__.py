"""YAML read strictly, as Prometheus reads its files: unknown fields are errors, and errors name lines."""

from alerts.strict_yaml.decoding import Decoder, Fields
from alerts.strict_yaml.errors import YamlError
from alerts.strict_yaml.nodes import Node, read_document
from alerts.strict_yaml.plain import plain_value

__all__ = ["Decoder", "Fields", "Node", "YamlError", "plain_value", "read_document"]
