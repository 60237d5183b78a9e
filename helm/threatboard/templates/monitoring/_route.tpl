{{/* Route and receivers of an AlertmanagerConfig. `control` is a label that only this product's alerts have. */}}
{{- define "threatboard.route" -}}
{{- with .Values.alertmanagerConfig -}}
route:
  receiver: nobody
  matchers:
    - {name: control, value: "ids|network|waf|host|platform|several", matchType: "=~"}
  groupBy:
    {{- toYaml .groupBy | nindent 4 }}
  groupWait: {{ .groupWait }}
  groupInterval: {{ .groupInterval }}
  repeatInterval: {{ .repeatInterval }}
  routes:
    - receiver: slack
      matchers:
        - {name: severity, value: {{ join "|" .severities | quote }}, matchType: "=~"}
receivers:
  - name: nobody
  - name: slack
    slackConfigs:
      - apiURL: {name: {{ .slack.existingSecret }}, key: {{ .slack.key }}}
        {{- with .slack.channel }}
        channel: {{ . | quote }}
        {{- end }}
        sendResolved: {{ .slack.sendResolved }}
        {{- $.Files.Get "files/slack.yaml" | nindent 8 }}
{{- end -}}
{{- end -}}
