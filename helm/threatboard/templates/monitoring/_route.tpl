{{/*
Route and receivers of an AlertmanagerConfig. `control` is a label that only this product's alerts have. Groups and waits
are those of rules/alertmanager.yml, where the reasons for them are; a test compares the two.
*/}}
{{- define "threatboard.route" -}}
{{- with .Values.alertmanagerConfig -}}
route:
  receiver: nobody
  matchers:
    - {name: control, value: "ids|network|waf|host|platform|several", matchType: "=~"}
  repeatInterval: {{ .repeatInterval | quote }}
  routes:
    {{- $severity := printf "{name: severity, value: %s, matchType: \"=~\"}" (join "|" .severities | quote) }}
    - receiver: slack
      matchers:
        - {name: control, value: several, matchType: "="}
        - {{ $severity }}
      groupBy: [cluster, namespace, workload]
      groupWait: 5s
      groupInterval: 1m
      routes: {{- include "threatboard.criticalAtOnce" $ | nindent 8 }}
    - receiver: slack
      matchers:
        - {name: control, value: "ids|network|waf|host", matchType: "=~"}
        - {{ $severity }}
      groupBy: [cluster, namespace]
      groupWait: 2m
      groupInterval: 1m
      routes: {{- include "threatboard.criticalAtOnce" $ | nindent 8 }}
    - receiver: slack
      matchers:
        - {name: control, value: platform, matchType: "="}
        - {{ $severity }}
      groupBy: [alertname, cluster]
      groupWait: 30s
      groupInterval: 5m
receivers:
  - name: nobody
  - name: slack
    slackConfigs:
      - apiURL: {name: {{ .slack.existingSecret | quote }}, key: {{ .slack.key | quote }}}
        {{- with .slack.channel }}
        channel: {{ . | quote }}
        {{- end }}
        sendResolved: {{ .slack.sendResolved }}
        linkNames: false
        mrkdwnIn: [pretext]
        footer: threatboard
        {{- $messages := include "threatboard.messages" $ }}
        {{- range $field, $name := dict "color" "color" "title" "title" "titleLink" "board" "fallback" "title" "text" "text" }}
        {{ $field }}: {{ printf "%s{{ template \"threatboard.%s\" . }}" $messages $name | toJson }}
        {{- end }}
        actions:
          {{- range $label := list "Board" "Events" "Runbook" "Acknowledge" }}
          - type: button
            text: {{ $label }}
            url: {{ printf "%s{{ template \"threatboard.%s\" . }}" $messages (lower $label) | toJson }}
          {{- end }}
{{- end -}}
{{- end -}}

{{- define "threatboard.criticalAtOnce" -}}
- receiver: slack
  matchers:
    - {name: severity, value: critical, matchType: "="}
  groupBy: [cluster, namespace, workload]
  groupWait: 0s
{{- end -}}

{{/* The definitions of slack.tmpl, which go into every text: an AlertmanagerConfig cannot bring a file of templates. */}}
{{- define "threatboard.messages" -}}
{{- /* What is between two definitions would be part of every text. */}}
{{- regexReplaceAll "}}\\s+({{/[*]|{{ define )" (.Files.Get "files/slack.tmpl" | trim) "}}${1}" -}}
{{- end -}}
