{{/* What the objects of `threatboard watch` are called, their metadata, and the ConfigMaps that it may read. */}}

{{- define "threatboard.watchName" -}}
{{- include "threatboard.fullname" . }}-watch
{{- end -}}

{{/* Of objects that are not in the release's namespace: two releases may have one name. */}}
{{- define "threatboard.watchClusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "threatboard.watchName" .) -}}
{{- end -}}

{{/* Takes (list ROOT NAME ANNOTATIONS LABELS). */}}
{{- define "threatboard.watchMetadata" -}}
{{- include "threatboard.metadata" (dict "root" (index . 0) "component" "watch" "name" (index . 1) "annotations" (index . 2) "labels" (index . 3)) -}}
{{- end -}}

{{/* Metadata without a namespace. Takes ROOT. */}}
{{- define "threatboard.watchClusterMetadata" -}}
{{- $made := include "threatboard.watchMetadata" (list . (include "threatboard.watchClusterName" .) dict dict) | fromYaml -}}
{{- unset $made "namespace" | toYaml -}}
{{- end -}}

{{/*
By agent the ConfigMap that is read, NAMESPACE/NAME or nothing: of a control that the cluster does not have none is, as the
Role that allows it would need a namespace that may not be there.
*/}}
{{- define "threatboard.watchedConfigMaps" -}}
{{- $set := dig "cluster" "configmaps" dict .Values.config | default dict -}}
{{- $found := dict -}}
{{- range list (list "falco" "ids" "falco/falco") (list "cilium" "network" "kube-system/cilium-config") -}}
{{- $agent := index . 0 -}}
{{- $place := index . 2 -}}
{{- if not (include "threatboard.missing" (list $set $agent)) -}}
{{- $place = get $set $agent -}}
{{- end -}}
{{- $_ := set $found $agent (ternary $place "" (get $.Values.controls (index . 1))) -}}
{{- end -}}
{{- toYaml $found -}}
{{- end -}}

{{/* Its configuration file: what concerns it of the exporter's, and no secret of the receiver's. */}}
{{- define "threatboard.watchConfig" -}}
{{- $all := include "threatboard.config" . | fromYaml -}}
{{- $own := pick $all "metrics" "controls" "cluster" -}}
{{- $_ := set $own "waf" (pick (get $all "waf" | default dict) "hosts") -}}
{{- $cluster := mergeOverwrite (dict "receiver" (printf "%s/%s" .Release.Namespace (include "threatboard.fullname" .))) (get $all "cluster" | default dict) -}}
{{- $_ := set $cluster "configmaps" (include "threatboard.watchedConfigMaps" . | fromYaml) -}}
{{- $_ := set $own "cluster" $cluster -}}
{{- if .Values.drill.enabled -}}
{{- $_ := set $own "drill" (dict "namespace" .Values.drill.namespace) -}}
{{- end -}}
{{- toYaml $own -}}
{{- end -}}
