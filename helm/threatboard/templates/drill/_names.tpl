{{/* What drills are called, what they are told, and where they may go. */}}

{{- define "threatboard.drillName" -}}
{{- include "threatboard.fullname" . }}-drill
{{- end -}}

{{/* Metadata in the namespace of drills. Takes (list ROOT NAME). */}}
{{- define "threatboard.drillMetadata" -}}
{{- include "threatboard.metadata" (dict "root" (index . 0) "component" "drill" "name" (index . 1) "namespace" (index . 0).Values.drill.namespace) -}}
{{- end -}}

{{/* What cannot be meant, with the sentence that helps. */}}
{{- define "threatboard.checkDrill" -}}
{{- $drill := .Values.drill -}}
{{- if not $drill.existingSecret -}}
{{- fail "drill.enabled needs drill.existingSecret: a secret with a key that signs drills, at least 16 bytes under drill.key, in the release's namespace and in drill.namespace" -}}
{{- end -}}
{{- if eq $drill.namespace .Release.Namespace -}}
{{- fail (printf "drill.namespace is %s, the release's own: what is suppressed in it has to be drills and nothing else, so give them a namespace of their own" $drill.namespace) -}}
{{- end -}}
{{- if and (has "waf" $drill.controls) (not $drill.wafUrl) -}}
{{- fail "drill.controls has waf, which needs drill.wafUrl: a page behind the WAF that needs no log-in" -}}
{{- end -}}
{{- if and $drill.nodes (not (regexMatch "^[0-5]?[0-9] " $drill.schedule)) -}}
{{- fail (printf "drill.schedule is %s: with drill.nodes it must begin with a minute, as each node follows a minute after the one before" $drill.schedule) -}}
{{- end -}}
{{- end -}}

{{/* The configuration of a drill. */}}
{{- define "threatboard.drillConfig" -}}
{{- $drill := .Values.drill -}}
{{- $own := dict
  "key_file" (printf "/etc/threatboard/drill-key/%s" $drill.key)
  "namespace" $drill.namespace
  "allowed" (printf "%s.%s.svc:%v" (include "threatboard.fullname" .) .Release.Namespace (.Values.intake.service.port | int64))
  "denied" (printf "%s.%s.svc:9376" (include "threatboard.metricsName" .) .Release.Namespace) -}}
{{- with $drill.wafUrl -}}
{{- $_ := set $own "waf_url" . -}}
{{- end -}}
{{- toYaml (dict "drill" $own "waf" (dict "blocking" (dig "waf" "blocking" false .Values.config | default false))) -}}
{{- end -}}

{{/* The pod of a drill. Takes (list ROOT NODE), NODE being empty for any. */}}
{{- define "threatboard.drillPod" -}}
{{- $root := index . 0 -}}
{{- $drill := $root.Values.drill -}}
metadata:
  labels:
    {{- include "threatboard.selectorLabels" (list $root "drill") | fromYaml | mergeOverwrite (dict) $root.Values.commonLabels (dict "threatboard/drill" "true") | toYaml | nindent 4 }}
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with $root.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- toYaml $root.Values.receiver.podSecurityContext | nindent 4 }}
  containers:
    - name: drill
      image: {{ include "threatboard.image" (list $root $root.Values.image) | quote }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args:
        - drill
        - --config
        - /etc/threatboard/config/threatboard.yaml
        - --report
        - /dev/termination-log
        {{- range $drill.controls }}
        - --control
        - {{ . }}
        {{- end }}
      securityContext:
        {{- toYaml $root.Values.receiver.securityContext | nindent 8 }}
      {{- with $drill.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        - {name: config, mountPath: /etc/threatboard/config, readOnly: true}
        - {name: drill-key, mountPath: /etc/threatboard/drill-key, readOnly: true}
        - {name: tmp, mountPath: /tmp}
  volumes:
    - name: config
      configMap: {name: {{ include "threatboard.drillName" $root | quote }}}
    - name: drill-key
      secret: {secretName: {{ $drill.existingSecret | quote }}, defaultMode: 0440}
    - name: tmp  # for the link of the act that Falco tells
      emptyDir: {sizeLimit: 1Mi}
  {{- with index . 1 }}
  nodeSelector: {kubernetes.io/hostname: {{ . | quote }}}
  {{- else }}
  {{- with $drill.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  {{- with $drill.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
