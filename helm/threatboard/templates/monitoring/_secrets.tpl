{{/* What NOTES.txt says of the secrets of the ServiceMonitor, where it is in another namespace than they are. */}}
{{- define "threatboard.scrapeSecrets" -}}
{{- $there := .Values.monitoring.namespace | default .Release.Namespace -}}
{{- $keys := dict -}}
{{- if and .Values.metrics.tls.enabled (not .Values.serviceMonitor.tlsConfig) -}}
{{- $_ := set $keys (include "threatboard.tlsSecret" (list . .Values.metrics.tls "metrics")) (list "ca.crt") -}}
{{- end -}}
{{- if .Values.metrics.protect -}}
{{- $name := .Values.metrics.auth.existingSecret -}}
{{- $_ := set $keys $name (append (get $keys $name | default list) .Values.metrics.auth.key) -}}
{{- end -}}
{{- if and $keys (ne $there .Release.Namespace) }}

   NOTHING IS SCRAPED BEFORE {{ $there }} HAS ITS SECRETS: the Prometheus operator reads them beside the ServiceMonitor. Copy
   {{- range $name, $names := $keys }}
     key {{ join " and " $names }} of secret {{ $name }}
   {{- end }}
   from {{ .Release.Namespace }} into a secret of the same name in {{ $there }}.
{{- end }}
{{- end -}}
