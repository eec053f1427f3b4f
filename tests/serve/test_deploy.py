"""What runs the server elsewhere: Compose, Kubernetes, Grafana."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from serve.base.config import PREFIX, ServeConfig
from serve.base.metrics import Metrics
from tests.serve.running import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()


def kubernetes() -> dict[str, dict[str, Any]]:
    """The objects of the example, by kind."""
    text = (ROOT / "deploy/kubernetes.yaml").read_text()
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


def test_kubernetes_takes_the_example() -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    for document in kubernetes().values():
        kubernetes_validate.validate(document, "1.31", strict=True)


def test_kubernetes_asks_what_the_server_answers() -> None:
    objects = kubernetes()
    assert set(objects) == {"Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget"}
    deployment = objects["Deployment"]["spec"]
    pod = deployment["template"]["spec"]
    (container,) = pod["containers"]
    assert deployment["replicas"] == objects["HorizontalPodAutoscaler"]["spec"]["minReplicas"] == 2
    probes = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "readiness", "liveness")}
    assert probes == {"startup": "/ready", "readiness": "/ready", "liveness": "/health"}
    assert f"USER {pod['securityContext']['runAsUser']}" in DOCKERFILE
    assert {"name": "state", "mountPath": "/var/lib/ocr"} in container["volumeMounts"]
    (metric,) = objects["HorizontalPodAutoscaler"]["spec"]["metrics"]
    assert f"# TYPE {metric['pods']['metric']['name']} gauge" in Metrics().exposition().decode()
    longest = ServeConfig().deadline_ms / 1000
    assert pod["terminationGracePeriodSeconds"] > longest + float(
        container["lifecycle"]["preStop"]["exec"]["command"][1]
    )


def test_grafana_asks_for_figures_that_there_are() -> None:
    board = json.loads((ROOT / "deploy/grafana.json").read_text())
    assert len(board["panels"]) == 3
    known = Metrics().exposition().decode()
    for panel in board["panels"]:
        for target in panel["targets"]:
            for name in re.findall(r"ocr_\w+", target["expr"]):
                assert f"# TYPE {re.sub('_(bucket|total)$', '', name)}" in known, name


def test_compose_bounds_what_the_container_takes() -> None:
    (service,) = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"].values()
    assert {"mem_limit", "cpus", "pids_limit", "shm_size", "stop_grace_period"} <= set(service)
    assert all("size=" in mount for mount in service["tmpfs"])
    assert service["ports"] == ["${OCR_PUBLISH:-127.0.0.1}:5000:5000"], "open to others only if they are let in"
    assert service["environment"]["OCR_PUBLIC"] == "${OCR_PUBLIC:-0}"
    assert {name.removeprefix(PREFIX).lower() for name in service["environment"]} <= set(vars(ServeConfig()))


def test_no_example_serves_others_without_a_key_unless_told_to() -> None:
    """The image listens to others, so each example has a key, or somebody says that there is to be none."""
    assert "OCR_HOST=0.0.0.0" in DOCKERFILE and "OCR_PUBLIC" not in DOCKERFILE.split("\nFROM ")[-1]
    (container,) = kubernetes()["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert "secretKeyRef" in {entry["name"]: entry for entry in container["env"]}["OCR_API_KEYS"]["valueFrom"]
