"""What the Prometheus operator makes of AlertmanagerConfigs: Alertmanager's own configuration.

After the operator's documentation of AlertmanagerConfig: the route of each becomes a child of the main route, with
`continue: true`; names of receivers get `<namespace>/<name>/` in front; the matcher strategy OnNamespace puts a matcher
on the label `namespace` before the route's own (not its children's), and on both sides of every inhibition. Keys change
from camelCase to snake_case.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from tests.helm.chart import Object

Secrets = Mapping[tuple[str, str, str], str]
"""(namespace, name, key) -> content."""


def alertmanager_yaml(configs: Iterable[Object], strategy: str, secrets: Secrets) -> str:
    """Alertmanager's configuration file; everything that no AlertmanagerConfig takes goes to `elsewhere`."""
    routes: list[Object] = []
    receivers: list[Object] = [{"name": "elsewhere"}]
    inhibitions: list[Object] = []
    for config in configs:
        namespace = config["metadata"]["namespace"]
        prefix = f"{namespace}/{config['metadata']['name']}/"
        route = _route(config["spec"]["route"], prefix) | {"continue": True}
        confined = [f'namespace="{namespace}"'] if strategy == "OnNamespace" else []
        route["matchers"] = confined + route.get("matchers", [])
        routes.append(route)
        inhibitions += [_inhibition(rule, confined) for rule in config["spec"].get("inhibitRules", [])]
        for receiver in config["spec"]["receivers"]:
            slack = [_slack(entry, namespace, secrets) for entry in receiver.get("slackConfigs", [])]
            receivers.append({"name": prefix + receiver["name"], **({"slack_configs": slack} if slack else {})})
    main = {"receiver": "elsewhere", "routes": routes}
    return yaml.safe_dump({"route": main, "inhibit_rules": inhibitions, "receivers": receivers})


def _route(route: Object, prefix: str) -> Object:
    made: Object = {}
    for name, value in route.items():
        match name:
            case "receiver":
                made[name] = prefix + value
            case "matchers":
                made[name] = _matchers(value)
            case "routes":
                made[name] = [_route(child, prefix) for child in value]
            case _:
                made[_snake(name)] = value
    return made


def _inhibition(rule: Object, confined: list[str]) -> Object:
    return {
        "source_matchers": confined + _matchers(rule["sourceMatch"]),
        "target_matchers": confined + _matchers(rule["targetMatch"]),
        "equal": rule["equal"],
    }


def _matchers(matchers: Iterable[Object]) -> list[str]:
    return [f'{m["name"]}{m["matchType"]}"{m["value"]}"' for m in matchers]


def _slack(entry: Mapping[str, Any], namespace: str, secrets: Secrets) -> Object:
    made = {_snake(name): value for name, value in entry.items() if name != "apiURL"}
    reference = entry["apiURL"]
    return made | {"api_url": secrets[namespace, reference["name"], reference["key"]]}


def _snake(name: str) -> str:
    return re.sub(r"(?=[A-Z])", "_", name).lower()
