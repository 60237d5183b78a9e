{{/* What NOTES.txt says of a web application firewall: how its audit records get here, the standard way and the quick one. */}}
{{- define "threatboard.wafNotes" -}}
{{- $intake := .Values.intake -}}
{{- $url := include "threatboard.intakeUrl" . | trimSuffix "/falco" | printf "%s/waf" -}}
{{- $service := printf "%s.%s.svc" (include "threatboard.fullname" .) .Release.Namespace -}}
{{- if not .Values.config.waf.hosts }}
   EVERY EVENT WILL BE OF THE HOST "other": the Host of a request is the client's to choose, so name yours in
   config.waf.hosts, with the namespace and workload that serve each.
{{ end }}
   ModSecurity 3 or Coraza writes its records with these directives into its pod's log (Coraza before 3.4: parts ABFHKZ). For
   nginx they go into the file that modsecurity_rules_file names; Envoy Gateway, Istio and ingress-nginx (RETIRED: no security
   fixes since March 2026, move on) follow:

--- modsecurity.conf
{{ include "threatboard.wafDirectives" . }}
---

--- ingress-nginx-values.yaml
controller:
  config:
    enable-modsecurity: "true"
    enable-owasp-modsecurity-crs: "true"
    modsecurity-snippet: |
      SecRuleEngine On
      {{- /* No comment: nginx has the snippet in single quotes. */}}
      {{- regexReplaceAll "(?m)^#.*\n" (include "threatboard.wafDirectives" .) "" | nindent 6 }}
---

   Envoy Gateway (edge is your Gateway and its namespace, IMAGE that of coraza-proxy-wasm, whose lines have AuditLog: in front):

--- envoy-gateway.yaml
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyExtensionPolicy
metadata: {name: waf, namespace: edge}
spec:
  targetRefs:
    - {group: gateway.networking.k8s.io, kind: Gateway, name: edge}
  wasm:
    - name: coraza
      rootID: waf
      code: {type: Image, image: {url: IMAGE}}
      config:
        {{- include "threatboard.wafWasm" . | nindent 8 }}
---

   Istio (the gateway's pods need the annotation sidecar.istio.io/componentLogLevel: "wasm:info", or nothing is written):

--- istio.yaml
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: waf, namespace: edge}
spec:
  selector:
    matchLabels: {gateway.networking.k8s.io/gateway-name: edge}
  url: oci://IMAGE
  phase: AUTHN
  pluginConfig:
    {{- include "threatboard.wafWasm" . | nindent 4 }}
---

   A log shipper posts these lines, and nothing else, to {{ $url }}:
   any that posts JSON over HTTP, such as Fluent Bit (put the namespace of your proxy for INGRESS):

--- fluent-bit.conf
[INPUT]
    Name tail
    Tag waf.*
    Path /var/log/containers/*_INGRESS_*.log
    multiline.parser docker, cri
    Buffer_Max_Size 1M
[FILTER]
    Name grep
    Match waf.*
    Regex log "transaction":
[FILTER]
    Name kubernetes
    Match waf.*
    Kube_Tag_Prefix waf.var.log.containers.
[OUTPUT]
    Name http
    Match waf.*
    Host {{ $service }}
    Port {{ $intake.service.port }}
    URI /waf
    Format json_lines
    Retry_Limit no_limits
    {{- if $intake.auth.existingSecret }}
    Header Authorization Bearer TOKEN
    {{- end }}
    {{- if $intake.tls.enabled }}
    tls On
    tls.ca_file /fluent-bit/certs/ca.crt
    {{- end }}
    {{- if $intake.tls.mutual }}
    tls.crt_file /fluent-bit/certs/client.crt
    tls.key_file /fluent-bit/certs/client.key
    {{- end }}
---
{{ if lt (include "threatboard.bytes" (dig "max_body" "" .Values.config.intake | default "1MiB") | int64) 4194304 }}
   Fluent Bit posts up to 2 MB at once, and a body over config.intake.max_body (1MiB) is refused whole: set it to 4MiB.
{{ end }}
{{- if $intake.auth.existingSecret }}
   TOKEN is the content of key {{ $intake.auth.key }} in secret {{ $intake.auth.existingSecret }}.
{{ end }}
{{- if $intake.tls.mutual }}
   The quick way, in which the WAF itself posts, is closed: neither ModSecurity nor Coraza shows a certificate.
{{ else if $intake.auth.existingSecret }}
   The quick way, in which the WAF itself posts, is closed to ModSecurity, which takes no credentials in an address. Coraza:

--- coraza-quick.conf
SecAuditLogType HTTPS
SecAuditLog {{ $url | replace "://" "://threatboard:TOKEN@" }}
---
{{ else }}
   The quick way, for a trial: the WAF itself posts each record. While threatboard hangs, ModSecurity's worker serves NOBODY
   (it has no time limit), and what cannot be sent is lost:

--- modsecurity-quick.conf
SecAuditLogType HTTPS
SecAuditLog {{ $url }}
---
{{ end }}
{{- if and $intake.tls.enabled (not $intake.tls.mutual) }}
   There it trusts only the certificates of its image: threatboard's CA must be among them.
{{ end }}
{{- with .Values.networkPolicy }}
{{- if and .enabled (not .waf) }}
   THE NETWORK POLICY LETS NO WAF SEND: name the pods of the shipper, or of the WAF, in networkPolicy.waf.
{{ end }}
{{- end }}
   Check: threat_waf_records_total moves after curl -H "Host: YOURS" "http://PROXY/?q=<script>alert(1)</script>".
{{- end -}}

{{- define "threatboard.wafDirectives" -}}
SecAuditEngine RelevantOnly
SecAuditLogRelevantStatus "^(?:5|40[0-35-9]|4[1-9])"
SecAuditLogFormat JSON
SecAuditLogParts ABFHZ
SecAuditLogType Serial
SecAuditLog /dev/stdout
# After the Core Rule Set, some of whose rules add the response's body to the record:
SecAction "id:9000001,phase:5,pass,nolog,ctl:auditLogParts=-E"
{{- end -}}

{{/* Configuration of Coraza as a Wasm module, which writes its records into Envoy's own log. */}}
{{- define "threatboard.wafWasm" -}}
default_directives: default
directives_map:
  default:
    - Include @recommended-conf
    - Include @crs-setup-conf
    - Include @owasp_crs/*.conf
    - SecRuleEngine On
    - SecAuditEngine RelevantOnly
    - SecAuditLogFormat JSON
    - SecAuditLogParts ABFHKZ
    - SecAuditLogType wasmSerial
{{- end -}}
