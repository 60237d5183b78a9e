{{/*
What the exporter would refuse of its configuration and the schema cannot say, from files/limits.yaml: pods that run would
go on with what they had, and new ones would not start.
*/}}
{{- define "threatboard.checkConfig" -}}
{{- $known := .Files.Get "files/limits.yaml" | fromYaml -}}
{{- range $section, $limits := $known.ranges -}}
{{- range $name, $limit := $limits -}}
{{- $settings := get $.Values.config $section -}}
{{- if not (include "threatboard.missing" (list $settings $name)) -}}
{{- $value := get $settings $name -}}
{{- $amount := include "threatboard.amount" (list $limit.kind $value) | int64 -}}
{{- $least := include "threatboard.amount" (list $limit.kind $limit.least) | int64 -}}
{{- $most := include "threatboard.amount" (list $limit.kind $limit.most) | int64 -}}
{{- if or (lt $amount $least) (gt $amount $most) -}}
{{- $text := kindIs "float64" $value | ternary ($value | int64 | toString) (toString $value) -}}
{{- fail (printf "config.%s.%s is %s: it must be from %s to %s" $section $name $text (toString $limit.least) (toString $limit.most)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $section, $labels := $known.labels -}}
{{- range $number, $entry := get (get $.Values.config $section) "tuning" -}}
{{- $place := printf "config.%s.tuning[%d]" $section $number -}}
{{- include "threatboard.checkReason" (list $place $entry.reason) -}}
{{- range $name, $texts := $entry.match -}}
{{- include "threatboard.checkMatch" (list (printf "%s.match.%s" $place $name) $name $texts $labels) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $host, $_ := .Values.config.waf.hosts -}}
{{- if or (eq $host "other") (has (trimAll "*" $host) (list "" ".")) -}}
{{- fail (printf "config.waf.hosts: %s is no host of yours: name a domain, such as *.example.com" $host) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Bytes of a size, milliseconds of a duration, or the number itself. Takes (list KIND VALUE). */}}
{{- define "threatboard.amount" -}}
{{- if eq (index . 0) "size" -}}
{{- include "threatboard.bytes" (index . 1) -}}
{{- else if eq (index . 0) "duration" -}}
{{- include "threatboard.milliseconds" (index . 1) -}}
{{- else -}}
{{- index . 1 | int64 -}}
{{- end -}}
{{- end -}}

{{/* A reason becomes a label's value and part of a line in the log. Takes (list PLACE TEXT). */}}
{{- define "threatboard.checkReason" -}}
{{- $text := index . 1 -}}
{{- if not (and (trim $text) (regexMatch "^[\\pL\\pM\\pN\\pP\\pS ]+$" $text) (le (len $text) 256)) -}}
{{- fail (printf "%s.reason must be one line of printable text, of at most 256 bytes: say why, for the people who come later" (index . 0)) -}}
{{- end -}}
{{- if eq $text "drill" -}}
{{- fail (printf "%s.reason must be other words: as drill the events of drills are suppressed" (index . 0)) -}}
{{- end -}}
{{- end -}}

{{/* Takes (list PLACE NAME TEXTS LABELS): of the known LABELS, those with a list have only its values. */}}
{{- define "threatboard.checkMatch" -}}
{{- $place := index . 0 -}}
{{- $name := index . 1 -}}
{{- $labels := index . 3 -}}
{{- if and (not $labels.open) (not (hasKey $labels.names $name)) -}}
{{- fail (printf "%s: there is no such name; there are %s" $place (keys $labels.names | sortAlpha | join ", ")) -}}
{{- end -}}
{{- $values := get $labels.names $name | default list -}}
{{- range kindIs "string" (index . 2) | ternary (list (index . 2)) (index . 2) -}}
{{- if and $values . (not (contains "*" .)) (not (has . $values)) -}}
{{- fail (printf "%s: %s is never its value; those are %s" $place . (join ", " $values)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
