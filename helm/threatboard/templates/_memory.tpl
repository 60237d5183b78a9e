{{/* Whether the receiver's memory limit and its volume hold what its budgets allow; docs/sizing.md. */}}

{{/* Bytes of a size as in the exporter's configuration or of a Kubernetes quantity; 0 of what is neither. */}}
{{- define "threatboard.bytes" -}}
{{- $units := dict "" 1 "B" 1 "k" 1000 "K" 1000 "kB" 1000 "KB" 1000 "M" 1000000 "MB" 1000000 "G" 1000000000 "GB" 1000000000
  "Ki" 1024 "KiB" 1024 "Mi" 1048576 "MiB" 1048576 "Gi" 1073741824 "GiB" 1073741824 -}}
{{- $text := kindIs "float64" . | ternary (. | int64 | toString) (toString .) -}}
{{- $unit := regexFind "[A-Za-z]*$" $text -}}
{{- $number := trimSuffix $unit $text -}}
{{- if and (hasKey $units $unit) (regexMatch "^[0-9]+([.][0-9]+)?$" $number) -}}
{{- mulf (float64 $number) (get $units $unit) | int64 -}}
{{- else -}}0{{- end -}}
{{- end -}}

{{/* MiB that the receiver may use: the program with its buffers, and the budgets. */}}
{{- define "threatboard.mostMemory" -}}
{{- $config := .Values.config -}}
{{- $most := mul 64 1048576 -}}
{{- $most = add $most (include "threatboard.bytes" (dig "max_inflight" "" $config.intake | default "64MiB") | int64) -}}
{{- $most = add $most (include "threatboard.bytes" (dig "max_bytes" "" $config.series | default "64MiB") | int64) -}}
{{- $most = add $most (include "threatboard.bytes" (dig "keep_bytes" "" $config.events | default "4MiB") | int64) -}}
{{- div (add $most 1048575) 1048576 -}}
{{- end -}}

{{- define "threatboard.memoryWarning" -}}
{{- $limit := get (get (.Values.receiver.resources | default dict) "limits" | default dict) "memory" -}}
{{- $bytes := include "threatboard.bytes" $limit | int64 -}}
{{- $most := include "threatboard.mostMemory" . | int64 -}}
{{- if and $bytes (lt $bytes (mul $most 1048576)) }}
THE RECEIVER MAY BE KILLED IN A FLOOD: receiver.resources.limits.memory is {{ $limit }}, and its budgets allow {{ $most }}Mi. Raise the
limit, or lower config.intake.max_inflight, config.series.max_bytes or config.events.keep_bytes.
{{- end }}
{{- end -}}

{{/* The state: names, as much of history, the new file beside the old, and the numbers. */}}
{{- define "threatboard.stateWarning" -}}
{{- $limit := .Values.receiver.state.sizeLimit -}}
{{- $most := include "threatboard.bytes" (dig "max_bytes" "" .Values.config.series | default "64MiB") | int64 | mul 4 -}}
{{- if lt (include "threatboard.bytes" $limit | int64) $most }}
THE RECEIVER MAY BE EVICTED: receiver.state.sizeLimit is {{ $limit }}, and its state may grow to {{ div (add $most 1048575) 1048576 }}Mi, four times
config.series.max_bytes. Raise the limit, or lower that.
{{- end }}
{{- end -}}
