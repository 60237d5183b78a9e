{{/* What keeps back what: the inhibition of rules/alertmanager.yml, where the reasons are; a test compares the two. */}}
{{- define "threatboard.inhibition" -}}
{{- $somewhere := `{name: namespace, value: "", matchType: "!="}` -}}
{{- $lesser := `{name: severity, value: "warning|info", matchType: "=~"}` -}}
{{- $part := `{name: control, value: "ids|network|waf|host", matchType: "=~"}` -}}
{{- $paired := `{name: control, value: "ids|waf|host", matchType: "=~"}` -}}
{{- $aWorkload := `{name: workload, value: "", matchType: "!="}` -}}
{{- $aPod := `{name: pod, value: "", matchType: "!="}` -}}
{{- $onlyThere := `{name: workload, value: "", matchType: "="}, {name: pod, value: "", matchType: "="}` -}}
{{- $critical := `{name: severity, value: critical, matchType: "="}` -}}
{{- $workload := `{name: alertname, value: CorrelatedWorkload, matchType: "="}` -}}
{{- $namespace := `{name: alertname, value: CorrelatedNamespace, matchType: "="}` -}}
{{- $correlated := `{name: alertname, value: CorrelatedWorkload|CorrelatedNamespace, matchType: "=~"}` -}}
inhibitRules:
  - sourceMatch: [{{ $workload }}, {{ $somewhere }}, {{ $aWorkload }}]
    targetMatch: [{{ $part }}, {{ $somewhere }}, {{ $aWorkload }}]
    equal: [cluster, namespace, workload]
  - sourceMatch: [{{ $workload }}, {{ $somewhere }}, {{ $aPod }}]
    targetMatch: [{{ $part }}, {{ $somewhere }}, {{ $aPod }}]
    equal: [cluster, namespace, pod]
  - sourceMatch: [{{ $correlated }}, {{ $somewhere }}]
    targetMatch: [{{ $part }}, {{ $lesser }}, {{ $somewhere }}]
    equal: [cluster, namespace]
  - sourceMatch: [{{ $workload }}, {{ $somewhere }}]
    targetMatch: [{{ $namespace }}, {{ $somewhere }}]
    equal: [cluster, namespace]
  - sourceMatch: [{{ $critical }}, {{ $paired }}, {{ $somewhere }}, {{ $aWorkload }}]
    targetMatch: [{{ $lesser }}, {{ $paired }}, {{ $somewhere }}, {{ $aWorkload }}]
    equal: [cluster, namespace, control, workload]
  - sourceMatch: [{{ $critical }}, {{ $paired }}, {{ $somewhere }}, {{ $aPod }}]
    targetMatch: [{{ $lesser }}, {{ $paired }}, {{ $somewhere }}, {{ $aPod }}]
    equal: [cluster, namespace, control, pod]
  - sourceMatch: [{{ $critical }}, {{ $paired }}, {{ $somewhere }}]
    targetMatch: [{{ $lesser }}, {{ $paired }}, {{ $somewhere }}, {{ $onlyThere }}]
    equal: [cluster, namespace, control]
  - sourceMatch: [{name: alertname, value: PlatformExporterAbsent, matchType: "="}]
    targetMatch:
      - name: alertname
        value: PlatformFalcoSilent|PlatformFalcoMissingOnNode|PlatformEventsRejected|PlatformSeriesOverflow|PlatformStateUnhealthy|PlatformConfigReloadFailed
        matchType: "=~"
    equal: [cluster]
  - sourceMatch: [{name: alertname, value: NetworkMapNearlyFull, matchType: "="}]
    targetMatch: [{name: alertname, value: NetworkUnexpectedDrops, matchType: "="}]
    equal: [cluster]
{{- end -}}
