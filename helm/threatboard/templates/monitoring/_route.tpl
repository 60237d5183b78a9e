{{/*
What an AlertmanagerConfig does: files/routing.yaml, which is made from rules/alertmanager.yml, with the severities that
Slack shall get. `control` is a label that only this product's alerts have.
*/}}
{{- define "threatboard.route" -}}
{{- $routing := .Files.Get "files/routing.yaml" | fromYaml -}}
{{- with .Values.alertmanagerConfig -}}
{{- $severity := dict "name" "severity" "value" (join "|" .severities) "matchType" "=~" -}}
{{- range $routing.routes -}}
{{- if eq .receiver "slack" -}}
{{- $_ := set . "matchers" (append .matchers $severity) -}}
{{- end -}}
{{- end -}}
{{- /* Every text brings the definitions that it uses. */ -}}
{{- $messages := include "threatboard.messages" $ -}}
{{- $slack := $routing.slack -}}
{{- range $part := prepend $slack.actions $slack -}}
{{- range $field, $text := $part -}}
{{- if and (kindIs "string" $text) (contains "{{ template" (toString $text)) -}}
{{- $_ := set $part $field (print $messages $text) -}}
{{- end -}}
{{- end -}}
{{- end -}}
route:
  receiver: nobody
  matchers: {{ toJson $routing.matchers }}
  repeatInterval: {{ .repeatInterval | quote }}
  routes:
    {{- /* As JSON: in YAML a matcher's bare = is a value of a type of its own to some readers. */}}
    {{- range $routing.routes }}
    - {{ toJson . }}
    {{- end }}
inhibitRules:
  {{- range $routing.inhibitRules }}
  - {{ toJson . }}
  {{- end }}
receivers:
  - name: nobody
  - name: slack
    slackConfigs:
      - apiURL: {name: {{ .slack.existingSecret | quote }}, key: {{ .slack.key | quote }}}
        {{- with .slack.channel }}
        channel: {{ . | quote }}
        {{- end }}
        sendResolved: {{ .slack.sendResolved }}
        {{- toYaml $slack | nindent 8 }}
{{- end -}}
{{- end -}}

{{/* The definitions of slack.tmpl, which go into every text: an AlertmanagerConfig cannot bring a file of templates. */}}
{{- define "threatboard.messages" -}}
{{- /* What is between two definitions would be part of every text. */}}
{{- regexReplaceAll "}}\\s+({{/[*]|{{ define )" (.Files.Get "files/slack.tmpl" | trim) "}}${1}" -}}
{{- end -}}
