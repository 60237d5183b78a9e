{{/* files/rules.yaml with the overrides of `rules` applied, as YAML with the key groups. */}}
{{- define "threatboard.rules" -}}
{{- $file := .Files.Get "files/rules.yaml" | fromYaml -}}
{{- with get $file "Error" -}}
{{- fail (printf "files/rules.yaml of the chart is broken: %s" .) -}}
{{- end -}}
{{- include "threatboard.checkOverrides" (list . $file.groups) -}}
{{- $groups := list -}}
{{- range $group := $file.groups -}}
{{- $rules := list -}}
{{- range $rule := $group.rules -}}
{{- if include "threatboard.ruleWanted" (list $ $group.name $rule) -}}
{{- $rules = append $rules (include "threatboard.rule" (list $ $rule) | fromYaml) -}}
{{- end -}}
{{- end -}}
{{- if $rules -}}
{{- $groups = append $groups (dict "name" $group.name "rules" $rules) -}}
{{- end -}}
{{- end -}}
{{- with .Values.rules.runbookUrl -}}
{{- $where := dict "record" "threat:runbooks" "labels" (dict "base" (trimSuffix "/" .)) "expr" "vector(1)" -}}
{{- $groups = append $groups (dict "name" "threatboard-runbooks" "rules" (list $where)) -}}
{{- end -}}
{{- /* Mimir's ruler takes at most 20 rules in a group. */ -}}
{{- $excluded := list -}}
{{- range .Values.rules.excludedNamespaces -}}
{{- $excluded = append $excluded (dict "namespace" .) -}}
{{- end -}}
{{- range $entry := .Values.rules.excluded -}}
{{- $labels := dict -}}
{{- range $key, $label := dict "alert" "alertname" "namespace" "namespace" "workload" "workload" "node" "hostname" "reason" "reason" -}}
{{- with get $entry $key -}}
{{- $_ := set $labels $label . -}}
{{- end -}}
{{- end -}}
{{- $excluded = append $excluded $labels -}}
{{- end -}}
{{- range $number, $chunk := chunk 20 (uniq $excluded) -}}
{{- $rules := list -}}
{{- range $chunk -}}
{{- $rules = append $rules (dict "record" "threat:excluded" "labels" . "expr" "vector(1)") -}}
{{- end -}}
{{- $groups = append $groups (dict "name" (printf "threatboard-excluded-%d" (add1 $number)) "rules" $rules) -}}
{{- end -}}
{{- toYaml (dict "groups" $groups) -}}
{{- end -}}

{{/* Fails on an override that would have no effect. Takes (list ROOT GROUPS). */}}
{{- define "threatboard.checkOverrides" -}}
{{- $alerts := list -}}
{{- $tunable := list -}}
{{- range index . 1 -}}
{{- range .rules -}}
{{- if hasKey . "alert" -}}
{{- $alerts = append $alerts .alert -}}
{{- else if eq .record "threat:threshold" -}}
{{- $tunable = append $tunable .labels.alertname -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range (index . 0).Values.rules.excluded -}}
{{- $name := get . "alert" -}}
{{- if and $name (not (has $name $alerts)) -}}
{{- fail (printf "rules.excluded: there is no alert %s; there are %s" $name ($alerts | sortAlpha | join ", ")) -}}
{{- end -}}
{{- end -}}
{{- range $name, $override := (index . 0).Values.rules.overrides -}}
{{- if not (has $name $alerts) -}}
{{- fail (printf "rules.overrides.%s: there is no such alert; there are %s" $name ($alerts | sortAlpha | join ", ")) -}}
{{- end -}}
{{- if and (hasKey $override "threshold") (not (has $name $tunable)) -}}
{{- fail (printf "rules.overrides.%s.threshold: this alert has none; those that have are %s" $name ($tunable | sortAlpha | join ", ")) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* "true" or nothing. A rule of a control that is off is left out. Takes (list ROOT GROUP-NAME RULE). */}}
{{- define "threatboard.ruleWanted" -}}
{{- $values := (index . 0).Values -}}
{{- $rule := index . 2 -}}
{{- $off := list -}}
{{- range $control, $on := include "threatboard.controlsOn" (index . 0) | fromYaml -}}
{{- if not $on -}}
{{- $off = append $off $control -}}
{{- end -}}
{{- end -}}
{{- if hasKey $rule "alert" -}}
{{- $override := get $values.rules.overrides $rule.alert | default dict -}}
{{- if and $values.rules.alerts (dig "enabled" true $override) (not (has $rule.labels.control $off)) -}}
true
{{- end -}}
{{- else if and (eq $rule.record "threat:drill_namespace") (not $values.drill.enabled) -}}
{{- /* Without drills no namespace has denials that nobody is to be woken for. */ -}}
{{- else if not (has (index . 1 | trimPrefix "threatboard-recording-" | trimSuffix "-sums") $off) -}}
true
{{- end -}}
{{- end -}}

{{/* Control of an alert or a board: whether this cluster has it. */}}
{{- define "threatboard.controlsOn" -}}
{{- with .Values.controls -}}
ids: {{ .ids }}
network: {{ or .network .hubble }}
waf: {{ .waf }}
{{- end -}}
{{- end -}}

{{/* One rule as it shall be. Takes (list ROOT RULE). */}}
{{- define "threatboard.rule" -}}
{{- $values := (index . 0).Values.rules -}}
{{- $rule := deepCopy (index . 1) -}}
{{- if hasKey $rule "alert" -}}
{{- $override := get $values.overrides $rule.alert | default dict -}}
{{- with get $override "for" -}}
{{- $_ := set $rule "for" . -}}
{{- end -}}
{{- with get $override "keepFiringFor" -}}
{{- $_ := set $rule "keep_firing_for" . -}}
{{- end -}}
{{- $labels := mergeOverwrite (dict) $values.extraLabels (get $override "labels" | default dict) $rule.labels -}}
{{- with get $override "severity" -}}
{{- $_ := set $labels "severity" . -}}
{{- end -}}
{{- $annotations := $rule.annotations -}}
{{- range $name, $base := dict "runbook_url" (list "RUNBOOKS" $values.runbookUrl) "dashboard_url" (list "GRAFANA" $values.grafanaUrl) -}}
{{- if index $base 1 -}}
{{- $_ := set $annotations $name (printf "%s%s" (index $base 1 | trimSuffix "/") (get $annotations $name | trimPrefix (index $base 0))) -}}
{{- else -}}
{{- $_ := unset $annotations $name -}}
{{- end -}}
{{- end -}}
{{- $_ := set $rule "labels" $labels -}}
{{- $_ := set $rule "annotations" (mergeOverwrite (dict) $annotations $values.extraAnnotations (get $override "annotations" | default dict)) -}}
{{- else if eq $rule.record "threat:drill_namespace" -}}
{{- $_ := set $rule "labels" (dict "namespace" (index . 0).Values.drill.namespace) -}}
{{- else if eq $rule.record "threat:threshold" -}}
{{- with get $values.overrides $rule.labels.alertname -}}
{{- if hasKey . "threshold" -}}
{{- $_ := set $rule "expr" (printf "vector(%v)" .threshold) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $rule -}}
{{- end -}}
