"""File systems of this host, one that hangs (a dead NFS server) not holding up the others."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psutil

MOUNT_POINTS_EXCLUDE = (
    r"^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)"
)
FS_TYPES_EXCLUDE = (
    r"^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660"
    r"|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tracefs)$"
)
_ANSWER_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A file system and its figures.

    Attributes:
        space: What statvfs told, or None when it failed or did not answer in time.
    """

    device: str
    mount_point: str
    fs_type: str
    is_readonly: bool
    space: os.statvfs_result | None


class MountReader:
    """Reads all mounts; asks one that did not answer again only after its last call has returned."""

    def __init__(self) -> None:
        self._stuck: dict[str, threading.Thread] = {}

    def mounts(self) -> list[Mount]:
        """Return the mounts that are not pseudo file systems, in the kernel's order."""
        point_excluded = re.compile(MOUNT_POINTS_EXCLUDE)
        type_excluded = re.compile(FS_TYPES_EXCLUDE)
        return [
            Mount(
                device=part.device,
                mount_point=part.mountpoint,
                fs_type=part.fstype,
                is_readonly="ro" in part.opts.split(","),
                space=self._space(part.mountpoint),
            )
            for part in _distinct(psutil.disk_partitions(all=True))
            if not point_excluded.match(part.mountpoint) and not type_excluded.match(part.fstype)
        ]

    def _space(self, mount_point: str) -> os.statvfs_result | None:
        stuck = self._stuck.get(mount_point)
        if stuck is not None and stuck.is_alive():
            return None
        answers: list[os.statvfs_result] = []
        thread = threading.Thread(target=_ask, args=(mount_point, answers), daemon=True)
        thread.start()
        thread.join(_ANSWER_SECONDS)
        if thread.is_alive():
            self._stuck[mount_point] = thread
        else:
            self._stuck.pop(mount_point, None)
        return answers[0] if answers else None


def _ask(mount_point: str, answers: list[os.statvfs_result]) -> None:
    try:
        answers.append(os.statvfs(mount_point))
    except OSError:
        return


def _distinct(partitions: Iterable[Any]) -> Iterable[Any]:
    """Return the last mount of each place: the one that is seen there."""
    return {part.mountpoint: part for part in partitions}.values()
