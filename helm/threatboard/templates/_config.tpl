{{/* The exporter's configuration file, and what of it only a restart takes into use. */}}

{{- define "threatboard.config" -}}
{{- include "threatboard.checkConfig" . -}}
{{- $config := mergeOverwrite (dict) (deepCopy .Values.config) (dict "controls" .Values.controls) -}}
{{- /* Every address of either family: an IPv6-only pod has none of IPv4. */ -}}
{{- $own := dict
  "intake" (dict "listen" "[::]:2801")
  "metrics" (dict "listen" "[::]:9376")
  "series" (dict "state_dir" "/var/lib/threatboard") -}}
{{- with .Values.intake -}}
{{- if .tls.enabled -}}
{{- $tls := dict "cert_file" "/etc/threatboard/intake-tls/tls.crt" "key_file" "/etc/threatboard/intake-tls/tls.key" -}}
{{- if .tls.mutual -}}
{{- $_ := set $tls "client_ca_file" (printf "/etc/threatboard/intake-client-ca/%s" .tls.clientCAKey) -}}
{{- end -}}
{{- $_ := set $own.intake "tls" $tls -}}
{{- end -}}
{{- if .auth.existingSecret -}}
{{- $_ := set $own.intake "auth" (dict "token_file" (printf "/etc/threatboard/intake-auth/%s" .auth.key)) -}}
{{- end -}}
{{- end -}}
{{- with .Values.metrics -}}
{{- if .tls.enabled -}}
{{- $_ := set $own.metrics "tls" (dict "cert_file" "/etc/threatboard/metrics-tls/tls.crt" "key_file" "/etc/threatboard/metrics-tls/tls.key") -}}
{{- end -}}
{{- if .auth.existingSecret -}}
{{- $_ := set $own.metrics "auth" (dict "token_file" (printf "/etc/threatboard/metrics-auth/%s" .auth.key)) -}}
{{- end -}}
{{- if .protect -}}
{{- $_ := set $own.metrics "protect_metrics" true -}}
{{- end -}}
{{- end -}}
{{- if .Values.drill.enabled -}}
{{- $_ := set $own "drill" (dict "key_file" (printf "/etc/threatboard/drill-key/%s" .Values.drill.key) "namespace" .Values.drill.namespace) -}}
{{- end -}}
{{- range $section := values $config -}}
{{- range $name, $value := $section -}}
{{- if kindIs "invalid" $value -}}
{{- $_ := unset $section $name -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml (mergeOverwrite $config $own) -}}
{{- end -}}

{{/* Settings that wait for a restart and that nothing else in the pod's template shows: their change rolls the pods. */}}
{{- define "threatboard.restartConfig" -}}
{{- toYaml (dict "events.log" (dig "log" true .Values.config.events)) -}}
{{- end -}}

{{/* Whole seconds, rounded up, of a duration such as 1m30s. */}}
{{- define "threatboard.seconds" -}}
{{- div (add (include "threatboard.milliseconds" . | int64) 999) 1000 -}}
{{- end -}}

{{/* Without its leading zeros, since 010 would be 8. */}}
{{- define "threatboard.milliseconds" -}}
{{- $units := dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000 "d" 86400000 -}}
{{- $total := 0 -}}
{{- range regexFindAll "[0-9]+(ms|s|m|h|d)" (toString .) -1 -}}
{{- $total = add $total (mul (regexFind "[1-9][0-9]*" . | int64) (get $units (regexFind "[a-z]+$" .))) -}}
{{- end -}}
{{- $total -}}
{{- end -}}

{{/* What a drain may take: events are taken, those on their way are waited for, last values are scraped, lines written. */}}
{{- define "threatboard.gracePeriod" -}}
{{- $drain := include "threatboard.seconds" .Values.config.intake.drain | int -}}
{{- $body := include "threatboard.seconds" (dig "body_timeout" "10s" .Values.config.intake) | int -}}
{{- $scrape := include "threatboard.seconds" .Values.config.metrics.final_scrape_timeout | int -}}
{{- add $drain $body $scrape 5 -}}
{{- end -}}
