{{/* Names and labels. A component is a role of the program: receiver, or test. */}}

{{- define "threatboard.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* At most 49 characters: the longest suffix is that of a board's ConfigMap. */}}
{{- define "threatboard.fullname" -}}
{{- $name := include "threatboard.name" . -}}
{{- $full := .Values.fullnameOverride | default (contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name)) -}}
{{- $full | trunc 49 | trimSuffix "-" -}}
{{- end -}}

{{- define "threatboard.metricsName" -}}
{{- include "threatboard.fullname" . }}-metrics
{{- end -}}

{{- define "threatboard.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "threatboard.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "threatboard.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Takes (list ROOT COMPONENT). Never changes in the life of a release: workloads select by it. */}}
{{- define "threatboard.selectorLabels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "threatboard.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* Takes (list ROOT COMPONENT). */}}
{{- define "threatboard.labels" -}}
{{- $root := index . 0 -}}
{{ include "threatboard.selectorLabels" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: threatboard
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Metadata of a monitoring object. Takes (list ROOT NAME LABELS ANNOTATIONS). */}}
{{- define "threatboard.monitoringMetadata" -}}
{{- $root := index . 0 -}}
{{- $common := include "threatboard.labels" (list $root "receiver") | fromYaml -}}
{{- $labels := mergeOverwrite (dict) $common $root.Values.monitoring.labels (index . 2) -}}
{{- $annotations := mergeOverwrite (dict) $root.Values.monitoring.annotations (index . 3) -}}
name: {{ index . 1 }}
namespace: {{ $root.Values.monitoring.namespace | default $root.Release.Namespace }}
labels:
  {{- toYaml $labels | nindent 2 }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Where senders post Falco's alerts. */}}
{{- define "threatboard.intakeUrl" -}}
{{ .Values.intake.tls.enabled | ternary "https" "http" }}://{{ include "threatboard.fullname" . }}.{{ .Release.Namespace }}.svc:{{ .Values.intake.service.port }}/falco
{{- end -}}
