{{/* Senders and scrapers, each with namespace and podLabels, as peers of a NetworkPolicy. */}}
{{- define "threatboard.peers" -}}
{{- range . }}
- namespaceSelector:
    matchLabels: {kubernetes.io/metadata.name: {{ .namespace | quote }}}
  podSelector:
    matchLabels:
      {{- toYaml .podLabels | nindent 6 }}
{{- end }}
{{- end -}}

{{/* The same as endpoints of a CiliumNetworkPolicy. */}}
{{- define "threatboard.endpoints" -}}
{{- range . }}
- matchLabels:
    k8s:io.kubernetes.pod.namespace: {{ .namespace | quote }}
    {{- range $name, $value := .podLabels }}
    k8s:{{ $name }}: {{ $value | quote }}
    {{- end }}
{{- end }}
{{- end -}}
