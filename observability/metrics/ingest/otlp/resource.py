"""Resources: who measures. `job` and `instance` of each series, the rest in `target_info`."""

from __future__ import annotations

from dataclasses import dataclass

from opentelemetry.proto.resource.v1 import resource_pb2

from observability.metrics.ingest.otlp.attributes import text_of

TARGET_INFO = "target_info"
_IDENTITY = ("service.namespace", "service.name", "service.instance.id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """What the series of a resource get from it.

    Attributes:
        job: `service.namespace/service.name`, the latter alone, or ''.
        instance: `service.instance.id` or ''.
        description: The other attributes as a message, b'' when there are none, or when nothing
            could join them to the series of the resource.
    """

    job: str
    instance: str
    description: bytes = b""


def resource_of(message: resource_pb2.Resource) -> Resource:
    """Return what a resource gives to its series, as Prometheus does by default."""
    identity = {a.key: text_of(a.value) for a in message.attributes if a.key in _IDENTITY}
    namespace, name, instance = (identity.get(key, "") for key in _IDENTITY)
    job = f"{namespace}/{name}" if namespace and name else name
    others = [a for a in message.attributes if a.key not in _IDENTITY]
    description = b""
    if others and (job or instance):
        description = resource_pb2.Resource(attributes=others).SerializeToString()
    return Resource(job=job, instance=instance, description=description)
