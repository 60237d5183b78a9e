{{/* The pod of the receiver, alike in a Deployment and a DaemonSet. */}}
{{- define "threatboard.receiverPod" -}}
{{- $receiver := .Values.receiver -}}
metadata:
  {{- /* Nothing with a version: an upgrade that changes nothing of the pods does not restart them. */}}
  labels:
    {{- include "threatboard.selectorLabels" (list . "receiver") | fromYaml | mergeOverwrite (dict) .Values.commonLabels $receiver.podLabels | toYaml | nindent 4 }}
  annotations:
    {{- mergeOverwrite (dict) $receiver.podAnnotations (dict "checksum/restart-config" (include "threatboard.restartConfig" . | sha256sum)) | toYaml | nindent 4 }}
spec:
  serviceAccountName: {{ include "threatboard.serviceAccountName" . | quote }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ include "threatboard.gracePeriod" . }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $receiver.priorityClassName }}
  priorityClassName: {{ . | quote }}
  {{- end }}
  securityContext:
    {{- toYaml $receiver.podSecurityContext | nindent 4 }}
  containers:
    - name: receiver
      image: {{ include "threatboard.image" (list . .Values.image) | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [receive, --config, /etc/threatboard/config/threatboard.yaml]
      securityContext:
        {{- toYaml $receiver.securityContext | nindent 8 }}
      ports:
        - {name: intake, containerPort: 2801, protocol: TCP}
        - {name: metrics, containerPort: 9376, protocol: TCP}
      {{- $scheme := .Values.metrics.tls.enabled | ternary "HTTPS" "HTTP" }}
      readinessProbe:
        httpGet: {path: /readyz, port: metrics, scheme: {{ $scheme }}}
        periodSeconds: 5
        timeoutSeconds: 3
      livenessProbe:
        httpGet: {path: /healthz, port: metrics, scheme: {{ $scheme }}}
        initialDelaySeconds: 10
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      {{- with $receiver.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $receiver.extraEnv }}
      env:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        - {name: config, mountPath: /etc/threatboard/config, readOnly: true}
        - {name: state, mountPath: /var/lib/threatboard}
        {{- range include "threatboard.credentials" . | fromYamlArray }}
        - {name: {{ .name }}, mountPath: /etc/threatboard/{{ .name }}, readOnly: true}
        {{- end }}
        {{- with $receiver.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: config
      configMap: {name: {{ include "threatboard.fullname" . | quote }}}
    - name: state
      emptyDir: {sizeLimit: {{ $receiver.state.sizeLimit }}}
    {{- range include "threatboard.credentials" . | fromYamlArray }}
    - name: {{ .name }}
      secret: {secretName: {{ .secret | quote }}, defaultMode: 0440}
    {{- end }}
    {{- with $receiver.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $receiver.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $receiver.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $receiver.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* Secrets that the receiver reads, as a list of name (of the volume and its folder) and secret. */}}
{{- define "threatboard.credentials" -}}
{{- $intake := .Values.intake -}}
{{- $intakeSecret := include "threatboard.tlsSecret" (list . $intake.tls "intake") -}}
{{- if $intake.tls.enabled }}
- {name: intake-tls, secret: {{ $intakeSecret | quote }}}
{{- if $intake.tls.mutual }}
- {name: intake-client-ca, secret: {{ $intake.tls.clientCASecret | default $intakeSecret | quote }}}
{{- end }}
{{- end }}
{{- with $intake.auth.existingSecret }}
- {name: intake-auth, secret: {{ . | quote }}}
{{- end }}
{{- if .Values.drill.enabled }}
{{- include "threatboard.checkDrill" . }}
- {name: drill-key, secret: {{ .Values.drill.existingSecret | quote }}}
{{- end }}
{{- include "threatboard.metricsCredentials" . | nindent 0 }}
{{- end -}}

{{/* Those of the listener that shows, which watch has as well. */}}
{{- define "threatboard.metricsCredentials" -}}
{{- if .Values.metrics.tls.enabled }}
- {name: metrics-tls, secret: {{ include "threatboard.tlsSecret" (list . .Values.metrics.tls "metrics") | quote }}}
{{- end }}
{{- with .Values.metrics.auth.existingSecret }}
- {name: metrics-auth, secret: {{ . | quote }}}
{{- end }}
{{- end -}}

{{/* The secret with a listener's certificate; empty without TLS. Takes (list ROOT TLS LISTENER). */}}
{{- define "threatboard.tlsSecret" -}}
{{- $root := index . 0 -}}
{{- $tls := index . 1 -}}
{{- if $tls.enabled -}}
{{- if $tls.existingSecret -}}
{{- $tls.existingSecret -}}
{{- else if $root.Values.certManager.enabled -}}
{{- include "threatboard.fullname" $root }}-tls
{{- else -}}
{{- fail (printf "%s.tls.enabled needs a certificate: set %s.tls.existingSecret, or certManager.enabled and certManager.issuerRef.name" (index . 2) (index . 2)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
