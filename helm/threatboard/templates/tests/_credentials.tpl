{{/* Secrets that the test pod reads: tokens, its own certificate, and of the servers' certificates only the CA. */}}
{{- define "threatboard.testCredentials" -}}
{{- range include "threatboard.credentials" . | fromYamlArray }}
{{- if hasSuffix "-tls" .name }}
- {name: {{ .name }}, secret: {{ .secret | quote }}, items: [{key: ca.crt, path: ca.crt}]}
{{- else if hasSuffix "-auth" .name }}
- {name: {{ .name }}, secret: {{ .secret | quote }}}
{{- end }}
{{- end }}
{{- with .Values.test.clientCertSecret }}
- {name: client-tls, secret: {{ . | quote }}}
{{- end }}
{{- end -}}
