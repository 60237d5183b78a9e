{{/* Falco's own part of the values that NOTES.txt prints, whichever way its alerts take. */}}
{{- define "threatboard.falcoWrites" -}}
json_output: true
json_include_output_property: true
json_include_output_fields_property: true
json_include_tags_property: true
priority: debug  # its snapshot is informational, its word of dropped events debug: a higher one holds both back
{{- end -}}

{{- define "threatboard.falcoShows" -}}
metrics:  # its own metrics, and a snapshot every 5 minutes as a sign of life
  enabled: true
  interval: 5m
  outputRule: true
{{- if .Values.serviceMonitor.enabled }}
serviceMonitor:
  create: true
  {{- with .Values.monitoring.labels }}
  labels:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Who may forge alerts or read a token with these values, and what cannot work: sentences in capitals, or nothing. */}}
{{- define "threatboard.warnings" -}}
{{- $intake := .Values.intake -}}
{{- /* A policy that admits every address keeps nobody out. */ -}}
{{- $everybody := regexMatch "/0( |$)" (join " " .Values.networkPolicy.intakeCIDRs) -}}
{{- $confined := and .Values.networkPolicy.enabled (not $everybody) -}}
{{- if not (or $intake.auth.existingSecret $intake.tls.mutual $confined) }}
ANYONE {{ eq $intake.service.type "ClusterIP" | ternary "IN THE CLUSTER" (printf "WHO REACHES ITS %s" (upper $intake.service.type)) }} CAN FORGE ALERTS, and fill the counters with noise in which a real one drowns: the intake takes events
from everybody. Set networkPolicy.enabled, intake.auth.existingSecret with intake.tls, or intake.tls.mutual.
{{- end }}
{{- if and $intake.auth.existingSecret (not $intake.tls.enabled) }}
THE SENDERS' TOKEN CROSSES THE NETWORK IN THE CLEAR, unless a mesh encrypts it: set intake.tls.enabled.
{{- end }}
{{- if and .Values.metrics.auth.existingSecret (not .Values.metrics.tls.enabled) }}
THE TOKEN FOR EVENTS{{ if .Values.metrics.protect }} AND METRICS{{ end }} CROSSES THE NETWORK IN THE CLEAR, unless a mesh encrypts it: set metrics.tls.enabled.
{{- end }}
{{- with .Values.networkPolicy }}
{{- if and .enabled (not (or .falco .waf .intakeCIDRs)) }}
NOBODY MAY SEND EVENTS: name senders in networkPolicy.falco, networkPolicy.waf or networkPolicy.intakeCIDRs.
{{- end }}
{{- if and .enabled (not .prometheus) }}
NOBODY MAY SCRAPE IT: name Prometheus' pods in networkPolicy.prometheus.
{{- end }}
{{- end }}
{{- if eq .Values.image.repository "threatboard" }}
THE IMAGE threatboard IS NOBODY'S: no registry has it until you build it and push it to yours (docs/install.md, step 1); then
set image.repository, and image.digest so that it stays the one that you looked at.
{{- end }}
{{- include "threatboard.memoryWarning" . }}
{{- include "threatboard.stateWarning" . }}
{{- end -}}
