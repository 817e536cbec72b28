{{/* What the chart itself writes into the daemon's configuration, as YAML. */}}
{{- define "eldrd.ownConfig" -}}
grpc:
  {{- if eq .Values.listen "loopback" }}
  listen: ["127.0.0.1:{{ .Values.service.grpcPort }}"]
  {{- else }}
  listen: ["[::]:{{ .Values.service.grpcPort }}"]
  {{- end }}
  {{- if and (not .Values.tls.secretName) (ne .Values.listen "loopback") }}
  insecure: true
  {{- end }}
http:
  listen: "[::]:{{ .Values.service.httpPort }}"
  {{- if .Values.tls.http }}
  tls: true
  {{- else }}
  insecure: true
  {{- end }}
  {{- if .Values.auth.httpToken.secretName }}
  token_file: /etc/eldr/tokens/http/0/token
  {{- end }}
{{- if .Values.tls.secretName }}
tls:
  certificate: /etc/eldr/tls/{{ .Values.tls.certKey }}
  key: /etc/eldr/tls/{{ .Values.tls.keyKey }}
  {{- if .Values.tls.clientCaKey }}
  client_ca: /etc/eldr/tls/{{ .Values.tls.clientCaKey }}
  client_certificates: {{ .Values.tls.clientCertificates }}
  {{- end }}
{{- end }}
{{- if .Values.persistence.enabled }}
state_dir: /var/lib/eldr/state
{{- end }}
{{- $tokens := dict }}
{{- range $role, $secrets := .Values.auth.tokens }}
{{- $paths := list }}
{{- range $i, $secret := $secrets }}
{{- $paths = append $paths (printf "/etc/eldr/tokens/%s/%d/token" $role $i) }}
{{- end }}
{{- if $paths }}{{ $_ := set $tokens $role $paths }}{{ end }}
{{- end }}
{{- $names := dict }}
{{- range $role, $list := .Values.auth.certificates }}
{{- if $list }}{{ $_ := set $names $role $list }}{{ end }}
{{- end }}
{{- if or $tokens $names }}
auth:
  {{- if $tokens }}
  tokens: {{ toJson $tokens }}
  {{- end }}
  {{- if $names }}
  certificates: {{ toJson $names }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* The whole file: the user's keys and, before them, the chart's own. */}}
{{- define "eldrd.config" -}}
{{- $user := deepCopy .Values.config -}}
{{- range $key, $value := $user -}}
{{- if and (kindIs "map" $value) (not $value) }}{{ $_ := unset $user $key }}{{ end -}}
{{- end -}}
{{- mergeOverwrite $user (include "eldrd.ownConfig" . | fromYaml) | toYaml -}}
{{- end -}}

{{/* Each token file is mounted for itself, so that a replaced secret is seen without a restart. */}}
{{- define "eldrd.tokenVolumes" -}}
{{- range $role, $secrets := .Values.auth.tokens }}
{{- range $i, $secret := $secrets }}
- name: token-{{ $role }}-{{ $i }}
  secret: {secretName: {{ $secret.secretName | quote }}, defaultMode: 0440, items: [{key: {{ $secret.key | quote }}, path: token}]}
{{- end }}
{{- end }}
{{- with .Values.auth.httpToken }}
- name: token-http-0
  secret: {secretName: {{ .secretName | quote }}, defaultMode: 0440, items: [{key: {{ .key | quote }}, path: token}]}
{{- end }}
{{- end -}}

{{- define "eldrd.tokenMounts" -}}
{{- range $role, $secrets := .Values.auth.tokens }}
{{- range $i, $secret := $secrets }}
- {name: token-{{ $role }}-{{ $i }}, mountPath: /etc/eldr/tokens/{{ $role }}/{{ $i }}, readOnly: true}
{{- end }}
{{- end }}
{{- if .Values.auth.httpToken.secretName }}
- {name: token-http-0, mountPath: /etc/eldr/tokens/http/0, readOnly: true}
{{- end }}
{{- end -}}
