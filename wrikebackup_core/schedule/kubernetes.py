"""A CronJob of Kubernetes, as a document for `kubectl apply -f -`."""

from __future__ import annotations

import io
import posixpath
import shlex
from collections.abc import Sequence
from typing import Any

from ruamel.yaml import YAML

from wrikebackup_core.schedule.calendars import cron_fields
from wrikebackup_core.schedule.errands import Errand

__all__ = ["cron_job", "manifest"]

_USER = 10001  # as in examples/Dockerfile
_STATE, _TEMPORARY, _SECRETS, _PROFILE = "/var/lib/wrikebackup", "/tmp", "/run/secrets/wrikebackup", "/etc/wrikebackup"  # noqa: S108 - inside the container
_FENCES = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def cron_job(errand: Errand, *, image: str, namespace: str | None = None) -> dict[str, Any]:
    """The CronJob. It takes the profile from a ConfigMap and secrets from a Secret, both of the errand's name, and keeps its state in a claim."""
    zone = errand.schedule.zone
    name, base = f"wrikebackup-{errand.name}", f"wrikebackup-{errand.base}"
    pod = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(errand, base, image)],
        "volumes": _volumes(errand, base),
    }
    job = {"backoffLimit": 1, "template": {"metadata": {"labels": _labels(errand)}, "spec": pod}}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {}), "labels": _labels(errand)},
        "spec": {
            "schedule": cron_fields(errand.schedule),
            "timeZone": getattr(zone, "key", None) or "Etc/UTC",
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 3600,
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {"metadata": {"labels": _labels(errand)}, "spec": job},
        },
    }


def _labels(errand: Errand) -> dict[str, str]:
    return {"app.kubernetes.io/name": "wrikebackup", "app.kubernetes.io/instance": errand.name}


def _container(errand: Errand, name: str, image: str) -> dict[str, Any]:
    path = f"{_PROFILE}/{posixpath.basename(errand.profile)}"
    words = ["wrikebackup", *(path if word == errand.profile else word for word in errand.words[1:])]
    if errand.delay:
        words = ["/bin/sh", "-c", f"sleep {errand.delay}; exec {shlex.join(words)}"]
    # What Kubernetes would take for a variable of its own is doubled.
    words = [word.replace("$(", "$$(") for word in words]
    mounts = [
        {"name": "profile", "mountPath": _PROFILE, "readOnly": True},
        {"name": "secrets", "mountPath": _SECRETS, "readOnly": True},
        {"name": "state", "mountPath": errand.state or _STATE},
        {"name": "tmp", "mountPath": _TEMPORARY},
        *({"name": f"sink-{number}", "mountPath": path} for number, path in enumerate(errand.writes)),
    ]
    variables: list[dict[str, Any]] = (
        [] if errand.state else [{"name": "XDG_STATE_HOME", "value": posixpath.dirname(_STATE)}]
    )
    variables += ({"name": one, "valueFrom": {"secretKeyRef": {"name": name, "key": one}}} for one in errand.variables)
    if errand.credentials:
        variables.append({"name": "CREDENTIALS_DIRECTORY", "value": _SECRETS})
    return {
        "name": "wrikebackup",
        "image": image,
        "command": words,
        **({"workingDir": errand.folder} if errand.folder else {}),
        "env": variables,
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": _FENCES,
        "volumeMounts": mounts,
    }


def _volumes(errand: Errand, name: str) -> list[dict[str, Any]]:
    return [
        {"name": "profile", "configMap": {"name": name}},
        {"name": "secrets", "secret": {"secretName": name, "defaultMode": 0o440, "optional": True}},
        {"name": "state", "persistentVolumeClaim": {"claimName": f"{name}-state"}},
        {"name": "tmp", "emptyDir": {}},
        *(
            {"name": f"sink-{number}", "persistentVolumeClaim": {"claimName": f"{name}-sink-{number}"}}
            for number in range(len(errand.writes))
        ),
    ]


def manifest(errands: Sequence[Errand], *, image: str, namespace: str | None = None) -> str:
    """The CronJobs of a profile and the claim for its state as YAML, with what must be there besides in comments."""
    first = errands[0]
    name = f"wrikebackup-{first.base}"
    there = {"namespace": namespace} if namespace else {}
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": f"{name}-state", **there, "labels": _labels(first)},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}},
    }
    jobs = [cron_job(errand, image=image, namespace=namespace) for errand in errands]
    return _needed(first, name, namespace) + _yaml(claim, *jobs)


def _needed(errand: Errand, name: str, namespace: str | None) -> str:
    where = f" -n {shlex.quote(namespace)}" if namespace else ""
    lines = [f"# For the profile {errand.profile}, from `wrikebackup schedule show --as kubernetes`. Before it, once:"]
    lines.append(f"#   kubectl create configmap {name}{where} --from-file={shlex.quote(errand.profile)}")
    keys = [f"--from-literal={one}=..." for one in errand.variables]
    keys += [f"--from-file={one}=FILE" for one in errand.credentials]
    if keys:
        lines.append(f"#   kubectl create secret generic {name}{where} {' '.join(keys)}")
    lines += [f"#   a volume claim {name}-sink-{number} for {path}" for number, path in enumerate(errand.writes)]
    return "\n".join(" ".join(line.splitlines()) for line in lines) + "\n"


def _yaml(*documents: dict[str, Any]) -> str:
    yaml, text = YAML(typ="rt"), io.StringIO()
    yaml.default_flow_style = False
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 4096
    for document in documents:
        text.write("---\n")
        yaml.dump(document, text)
    return text.getvalue()
