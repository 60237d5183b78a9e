{{/* What keeps back what: the inhibition of rules/alertmanager.yml, where the reasons are; a test compares the two. */}}
{{- define "threatboard.inhibition" -}}
{{- $somewhere := `{name: namespace, value: "", matchType: "!="}` -}}
{{- $lesser := `{name: severity, value: "warning|info", matchType: "=~"}` -}}
{{- $part := `{name: control, value: "ids|network|waf|host", matchType: "=~"}` -}}
{{- $paired := `{name: control, value: "ids|waf|host", matchType: "=~"}` -}}
{{- $workload := `{name: alertname, value: CorrelatedWorkload, matchType: "="}` -}}
{{- $namespace := `{name: alertname, value: CorrelatedNamespace, matchType: "="}` -}}
inhibitRules:
  - sourceMatch: [{{ $workload }}, {{ $somewhere }}]
    targetMatch: [{{ $part }}, {{ $somewhere }}]
    equal: [cluster, namespace]
  - sourceMatch: [{{ $workload }}, {{ $somewhere }}]
    targetMatch: [{{ $namespace }}, {{ $somewhere }}]
    equal: [cluster, namespace]
  - sourceMatch: [{{ $namespace }}, {{ $somewhere }}]
    targetMatch: [{{ $part }}, {{ $lesser }}, {{ $somewhere }}]
    equal: [cluster, namespace]
  - sourceMatch: [{name: severity, value: critical, matchType: "="}, {{ $paired }}, {{ $somewhere }}]
    targetMatch: [{{ $lesser }}, {{ $paired }}, {{ $somewhere }}]
    equal: [cluster, namespace, control]
  - sourceMatch: [{name: alertname, value: PlatformExporterAbsent, matchType: "="}]
    targetMatch:
      - name: alertname
        value: PlatformFalcoSilent|PlatformEventsRejected|PlatformSeriesOverflow|PlatformStateUnhealthy|PlatformConfigReloadFailed
        matchType: "=~"
    equal: [cluster]
  - sourceMatch: [{name: alertname, value: PlatformCiliumMetricsAbsent, matchType: "="}]
    targetMatch: [{name: alertname, value: PlatformHubbleMetricsAbsent, matchType: "="}]
    equal: [cluster]
  - sourceMatch: [{name: alertname, value: NetworkMapNearlyFull, matchType: "="}]
    targetMatch: [{name: alertname, value: NetworkUnexpectedDrops, matchType: "="}]
    equal: [cluster]
{{- end -}}
