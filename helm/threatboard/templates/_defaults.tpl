{{/*
Fills in what is missing in .Values, in place: a value that was emptied (`monitoring.labels:`), and one that the version
before did not have (helm upgrade --reuse-values). An emptied mapping or list is empty, anything else has its default.
Every template begins with this, since Helm renders them in an order of its own.
*/}}
{{- define "threatboard.defaults" -}}
{{- range $path, $default := .Files.Get "files/defaults.yaml" | fromYaml -}}
{{- $part := $.Values -}}
{{- $names := splitList "." $path -}}
{{- range $name := initial $names -}}
{{- if include "threatboard.missing" (list $part $name) -}}
{{- $_ := set $part $name dict -}}
{{- end -}}
{{- $part = get $part $name -}}
{{- end -}}
{{- if and (include "threatboard.missing" (list $part (last $names))) (not (kindIs "invalid" $default)) -}}
{{- $_ := set $part (last $names) $default -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* "true" or nothing. Takes (list MAPPING NAME). */}}
{{- define "threatboard.missing" -}}
{{- if not (hasKey (index . 0) (index . 1)) -}}
true
{{- else if kindIs "invalid" (get (index . 0) (index . 1)) -}}
true
{{- end -}}
{{- end -}}
