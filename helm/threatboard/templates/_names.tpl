{{/* Names, labels and metadata. A component is a role of the program: receiver, board or test. */}}

{{- define "threatboard.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* At most 49 characters: the longest suffix is that of a board's ConfigMap. */}}
{{- define "threatboard.fullname" -}}
{{- $name := include "threatboard.name" . -}}
{{- $full := .Values.fullnameOverride | default (contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name)) -}}
{{- $full = $full | trunc 49 | trimSuffix "-" -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $full) -}}
{{- fail (printf "%s cannot be the name of a Service, which begins with a letter and has only small letters, digits and dashes: set fullnameOverride, or choose another name for the release" $full) -}}
{{- end -}}
{{- $full -}}
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

{{/* Takes (list ROOT IMAGE): what IMAGE leaves empty is as in the value image. */}}
{{- define "threatboard.image" -}}
{{- $root := index . 0 -}}
{{- $own := index . 1 -}}
{{- $common := $root.Values.image -}}
{{- $repository := $own.repository | default $common.repository -}}
{{- $digest := $own.digest | default (ternary $common.digest "" (not (or $own.tag $own.repository))) -}}
{{- if $digest -}}
{{- printf "%s@%s" $repository $digest -}}
{{- else -}}
{{- printf "%s:%s" $repository ($own.tag | default $common.tag | default $root.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* Takes (list ROOT COMPONENT). Never changes in the life of a release: workloads select by it. */}}
{{- define "threatboard.selectorLabels" -}}
{{- $root := index . 0 -}}
{{- dict
  "app.kubernetes.io/name" (include "threatboard.name" $root)
  "app.kubernetes.io/instance" $root.Release.Name
  "app.kubernetes.io/component" (index . 1) | toYaml -}}
{{- end -}}

{{/*
Takes (list ROOT COMPONENT MORE), MORE being labels that win over commonLabels. A label that somebody sets and that is
there already is given once: what pods are selected by, and whose the object is, stays as it must be.
*/}}
{{- define "threatboard.labels" -}}
{{- $root := index . 0 -}}
{{- $standard := dict
  "app.kubernetes.io/version" $root.Chart.AppVersion
  "app.kubernetes.io/part-of" "threatboard"
  "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_") -}}
{{- $kept := dict "app.kubernetes.io/managed-by" $root.Release.Service -}}
{{- $kept = mergeOverwrite $kept (include "threatboard.selectorLabels" (list $root (index . 1)) | fromYaml) -}}
{{- mergeOverwrite $standard $root.Values.commonLabels (index . 2) $kept | toYaml -}}
{{- end -}}

{{/* Metadata of an object. Takes a dict: root, component, name; where they differ, namespace, labels, annotations. */}}
{{- define "threatboard.metadata" -}}
{{- $labels := include "threatboard.labels" (list .root .component (get . "labels" | default dict)) | fromYaml -}}
{{- $made := dict "name" .name "namespace" (get . "namespace" | default .root.Release.Namespace) "labels" $labels -}}
{{- with get . "annotations" -}}
{{- $_ := set $made "annotations" . -}}
{{- end -}}
{{- toYaml $made -}}
{{- end -}}

{{/* Metadata of an object of the receiver. Takes (list ROOT NAME ANNOTATIONS). */}}
{{- define "threatboard.receiverMetadata" -}}
{{- include "threatboard.metadata" (dict "root" (index . 0) "component" "receiver" "name" (index . 1) "annotations" (index . 2)) -}}
{{- end -}}

{{/* Metadata of a monitoring object. Takes (list ROOT NAME LABELS ANNOTATIONS). */}}
{{- define "threatboard.monitoringMetadata" -}}
{{- $root := index . 0 -}}
{{- $monitoring := $root.Values.monitoring -}}
{{- include "threatboard.metadata" (dict "root" $root "component" "receiver" "name" (index . 1) "namespace" $monitoring.namespace
  "labels" (mergeOverwrite (dict) $monitoring.labels (index . 2))
  "annotations" (mergeOverwrite (dict) $monitoring.annotations (index . 3))) -}}
{{- end -}}

{{/* Where senders post Falco's alerts. */}}
{{- define "threatboard.intakeUrl" -}}
{{ .Values.intake.tls.enabled | ternary "https" "http" }}://{{ include "threatboard.fullname" . }}.{{ .Release.Namespace }}.svc:{{ .Values.intake.service.port }}/falco
{{- end -}}

{{/* Annotations of a Service that is scraped. */}}
{{- define "threatboard.scrapeAnnotations" -}}
{{- $scrape := dict -}}
{{- if .Values.metrics.scrapeAnnotations -}}
{{- $scrape = dict "prometheus.io/scrape" "true" "prometheus.io/port" "9376" "prometheus.io/path" "/metrics" -}}
{{- if .Values.metrics.tls.enabled -}}
{{- $_ := set $scrape "prometheus.io/scheme" "https" -}}
{{- end -}}
{{- end -}}
{{- mergeOverwrite $scrape .Values.metrics.service.annotations | toYaml -}}
{{- end -}}
