// apiVersion/kind -> the module of its model.
export const models = {
  "cert-manager.io/v1/Certificate": "@kubernetes-models/cert-manager/cert-manager.io/v1/Certificate",
  "cilium.io/v2/CiliumNetworkPolicy": "@kubernetes-models/cilium/cilium.io/v2/CiliumNetworkPolicy",
  "grafana.integreatly.org/v1beta1/GrafanaDashboard":
    "@kubernetes-models/grafana-operator/grafana.integreatly.org/v1beta1/GrafanaDashboard",
  "monitoring.coreos.com/v1/PrometheusRule":
    "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule",
  "monitoring.coreos.com/v1/ServiceMonitor":
    "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor",
  "monitoring.coreos.com/v1alpha1/AlertmanagerConfig":
    "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1alpha1/AlertmanagerConfig",
};
